-- What the migrations beside this file add up to. Made by `python -m ops.schema_dump`; a test compares.

-- PostgreSQL database dump
-- Name: identity; Type: SCHEMA; Schema: -; Owner: vote_identity_owner
CREATE SCHEMA identity;
ALTER SCHEMA identity OWNER TO vote_identity_owner;
-- Name: folded(text); Type: FUNCTION; Schema: identity; Owner: vote_identity_owner
CREATE FUNCTION identity.folded(p_text text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT normalize(replace(translate(casefold(normalize(p_text, NFKC) COLLATE pg_unicode_fast),
        U&'\0131\200C\200D\FE0E\FE0F', 'i'), U&'i\0307', 'i'), NFKC)
$$;
ALTER FUNCTION identity.folded(p_text text) OWNER TO vote_identity_owner;
-- Name: user_exists(uuid); Type: FUNCTION; Schema: identity; Owner: vote_identity_owner
CREATE FUNCTION identity.user_exists(p_user_id uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'identity', 'pg_temp'
    AS $$
    SELECT EXISTS (SELECT FROM identity.users WHERE user_id = p_user_id)
$$;
ALTER FUNCTION identity.user_exists(p_user_id uuid) OWNER TO vote_identity_owner;
-- Name: voter_of(uuid, integer); Type: FUNCTION; Schema: identity; Owner: vote_identity_owner
CREATE FUNCTION identity.voter_of(p_user_id uuid, p_event_no integer) RETURNS bytea
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'identity', 'pg_temp'
    AS $$
    SELECT substr(sha256(voter_seed || int4send(p_event_no)), 1, 12) FROM identity.users WHERE user_id = p_user_id
$$;
ALTER FUNCTION identity.voter_of(p_user_id uuid, p_event_no integer) OWNER TO vote_identity_owner;
-- Name: applications; Type: TABLE; Schema: identity; Owner: vote_identity_owner
CREATE TABLE identity.applications (
    application text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
ALTER TABLE identity.applications OWNER TO vote_identity_owner;
-- Name: sessions; Type: TABLE; Schema: identity; Owner: vote_identity_owner
CREATE TABLE identity.sessions (
    session_id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    rotated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    current_hash bytea NOT NULL,
    earlier_rotations timestamp with time zone[] DEFAULT '{}'::timestamp with time zone[] NOT NULL,
    CONSTRAINT sessions_current_hash_check CHECK ((octet_length(current_hash) = 32))
);
ALTER TABLE identity.sessions OWNER TO vote_identity_owner;
-- Name: users; Type: TABLE; Schema: identity; Owner: vote_identity_owner
CREATE TABLE identity.users (
    user_id uuid DEFAULT gen_random_uuid() NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    date_of_birth date,
    username text NOT NULL,
    email text,
    password_hash text,
    roles text[] DEFAULT '{viewer}'::text[] NOT NULL,
    voter_seed bytea NOT NULL,
    registered_with text,
    CONSTRAINT users_roles_check CHECK (((cardinality(roles) > 0) AND (roles <@ '{viewer,host,admin,auditor}'::text[]))),
    CONSTRAINT users_voter_seed_check CHECK ((octet_length(voter_seed) = 32))
);
ALTER TABLE identity.users OWNER TO vote_identity_owner;
-- Name: applications applications_pkey; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.applications
    ADD CONSTRAINT applications_pkey PRIMARY KEY (application);
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (session_id);
-- Name: users users_pkey; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (user_id);
-- Name: sessions_of_user; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE INDEX sessions_of_user ON identity.sessions USING btree (user_id);
-- Name: users_folded_email; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE UNIQUE INDEX users_folded_email ON identity.users USING btree (identity.folded(email));
-- Name: users_folded_username; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE UNIQUE INDEX users_folded_username ON identity.users USING btree (identity.folded(username));
-- Name: sessions sessions_user_id_fkey; Type: FK CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity.users(user_id) ON DELETE CASCADE;
-- Name: SCHEMA identity; Type: ACL; Schema: -; Owner: vote_identity_owner
GRANT USAGE ON SCHEMA identity TO vote_identity;
GRANT USAGE ON SCHEMA identity TO vote_command;
GRANT USAGE ON SCHEMA identity TO vote_query;
-- Name: SCHEMA public; Type: ACL; Schema: -; Owner: pg_database_owner
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
-- Name: FUNCTION folded(p_text text); Type: ACL; Schema: identity; Owner: vote_identity_owner
REVOKE ALL ON FUNCTION identity.folded(p_text text) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.folded(p_text text) TO vote_identity;
-- Name: FUNCTION user_exists(p_user_id uuid); Type: ACL; Schema: identity; Owner: vote_identity_owner
REVOKE ALL ON FUNCTION identity.user_exists(p_user_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.user_exists(p_user_id uuid) TO vote_command;
-- Name: FUNCTION voter_of(p_user_id uuid, p_event_no integer); Type: ACL; Schema: identity; Owner: vote_identity_owner
REVOKE ALL ON FUNCTION identity.voter_of(p_user_id uuid, p_event_no integer) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.voter_of(p_user_id uuid, p_event_no integer) TO vote_query;
-- Name: FUNCTION lo_close(integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_close(integer) FROM PUBLIC;
-- Name: FUNCTION lo_creat(integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_creat(integer) FROM PUBLIC;
-- Name: FUNCTION lo_create(oid); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_create(oid) FROM PUBLIC;
-- Name: FUNCTION lo_from_bytea(oid, bytea); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_from_bytea(oid, bytea) FROM PUBLIC;
-- Name: FUNCTION lo_get(oid); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_get(oid) FROM PUBLIC;
-- Name: FUNCTION lo_get(oid, bigint, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_get(oid, bigint, integer) FROM PUBLIC;
-- Name: FUNCTION lo_lseek(integer, integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_lseek(integer, integer, integer) FROM PUBLIC;
-- Name: FUNCTION lo_lseek64(integer, bigint, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_lseek64(integer, bigint, integer) FROM PUBLIC;
-- Name: FUNCTION lo_open(oid, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_open(oid, integer) FROM PUBLIC;
-- Name: FUNCTION lo_put(oid, bigint, bytea); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_put(oid, bigint, bytea) FROM PUBLIC;
-- Name: FUNCTION lo_tell(integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_tell(integer) FROM PUBLIC;
-- Name: FUNCTION lo_tell64(integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_tell64(integer) FROM PUBLIC;
-- Name: FUNCTION lo_truncate(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_truncate(integer, integer) FROM PUBLIC;
-- Name: FUNCTION lo_truncate64(integer, bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_truncate64(integer, bigint) FROM PUBLIC;
-- Name: FUNCTION lo_unlink(oid); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lo_unlink(oid) FROM PUBLIC;
-- Name: FUNCTION loread(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.loread(integer, integer) FROM PUBLIC;
-- Name: FUNCTION lowrite(integer, bytea); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.lowrite(integer, bytea) FROM PUBLIC;
-- Name: FUNCTION pg_advisory_lock(bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_lock(bigint) FROM PUBLIC;
-- Name: FUNCTION pg_advisory_lock(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_lock(integer, integer) FROM PUBLIC;
-- Name: FUNCTION pg_advisory_lock_shared(bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_lock_shared(bigint) FROM PUBLIC;
-- Name: FUNCTION pg_advisory_lock_shared(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_lock_shared(integer, integer) FROM PUBLIC;
-- Name: FUNCTION pg_advisory_xact_lock(bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock(bigint) FROM PUBLIC;
-- Name: FUNCTION pg_advisory_xact_lock(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock(integer, integer) FROM PUBLIC;
-- Name: FUNCTION pg_advisory_xact_lock_shared(bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock_shared(bigint) FROM PUBLIC;
-- Name: FUNCTION pg_advisory_xact_lock_shared(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock_shared(integer, integer) FROM PUBLIC;
-- Name: FUNCTION pg_logical_emit_message(transactional boolean, prefix text, message bytea, flush boolean); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_logical_emit_message(transactional boolean, prefix text, message bytea, flush boolean) FROM PUBLIC;
-- Name: FUNCTION pg_logical_emit_message(transactional boolean, prefix text, message text, flush boolean); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_logical_emit_message(transactional boolean, prefix text, message text, flush boolean) FROM PUBLIC;
-- Name: FUNCTION pg_try_advisory_lock(bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_lock(bigint) FROM PUBLIC;
-- Name: FUNCTION pg_try_advisory_lock(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_lock(integer, integer) FROM PUBLIC;
-- Name: FUNCTION pg_try_advisory_lock_shared(bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_lock_shared(bigint) FROM PUBLIC;
-- Name: FUNCTION pg_try_advisory_lock_shared(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_lock_shared(integer, integer) FROM PUBLIC;
-- Name: FUNCTION pg_try_advisory_xact_lock(bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_xact_lock(bigint) FROM PUBLIC;
-- Name: FUNCTION pg_try_advisory_xact_lock(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_xact_lock(integer, integer) FROM PUBLIC;
-- Name: FUNCTION pg_try_advisory_xact_lock_shared(bigint); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_xact_lock_shared(bigint) FROM PUBLIC;
-- Name: FUNCTION pg_try_advisory_xact_lock_shared(integer, integer); Type: ACL; Schema: pg_catalog; Owner: postgres
REVOKE ALL ON FUNCTION pg_catalog.pg_try_advisory_xact_lock_shared(integer, integer) FROM PUBLIC;
-- Name: TABLE applications; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT SELECT,INSERT ON TABLE identity.applications TO vote_identity;
-- Name: TABLE sessions; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT SELECT,INSERT,DELETE ON TABLE identity.sessions TO vote_identity;
-- Name: COLUMN sessions.rotated_at; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(rotated_at) ON TABLE identity.sessions TO vote_identity;
-- Name: COLUMN sessions.expires_at; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(expires_at) ON TABLE identity.sessions TO vote_identity;
-- Name: COLUMN sessions.revoked_at; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(revoked_at) ON TABLE identity.sessions TO vote_identity;
-- Name: COLUMN sessions.current_hash; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(current_hash) ON TABLE identity.sessions TO vote_identity;
-- Name: COLUMN sessions.earlier_rotations; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(earlier_rotations) ON TABLE identity.sessions TO vote_identity;
-- Name: TABLE users; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT SELECT,INSERT ON TABLE identity.users TO vote_identity;
-- Name: COLUMN users.password_hash; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(password_hash) ON TABLE identity.users TO vote_identity;
-- Name: COLUMN users.roles; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(roles) ON TABLE identity.users TO vote_identity;
-- PostgreSQL database dump complete
