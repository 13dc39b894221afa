-- What the migrations beside this file add up to. Made by `python -m ops.schema_dump`; a test compares.

-- PostgreSQL database dump
-- Name: identity; Type: SCHEMA; Schema: -; Owner: vote_identity_owner
CREATE SCHEMA identity;
ALTER SCHEMA identity OWNER TO vote_identity_owner;
-- Name: change_role(uuid, text, boolean, text, text, text); Type: FUNCTION; Schema: identity; Owner: vote_identity_owner
CREATE FUNCTION identity.change_role(p_user_id uuid, p_role text, p_has boolean, p_actor text, p_actor_role text, p_trace_id text) RETURNS text[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'identity', 'pg_temp'
    AS $$
DECLARE
    v_before text[];
    v_after  text[];
BEGIN
    -- One at a time: two admins who take each other's role away would leave none.
    PERFORM pg_advisory_xact_lock(hashtextextended('identity.change_role', 0));
    SELECT roles INTO v_before FROM identity.users WHERE user_id = p_user_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'user not found' USING ERRCODE = 'VI404';
    END IF;
    IF (p_role = ANY (v_before)) = p_has THEN
        RETURN v_before;
    END IF;
    IF p_role = 'admin' AND NOT p_has AND NOT EXISTS (
        SELECT FROM identity.users WHERE roles <> '{viewer}' AND 'admin' = ANY (roles) AND user_id <> p_user_id
    ) THEN
        RAISE EXCEPTION 'this is the last admin; make another one first' USING ERRCODE = 'VI409';
    END IF;
    v_after := array_remove(array_remove(v_before, 'viewer'), p_role);
    IF p_has THEN
        v_after := v_after || p_role;
    ELSIF v_after = '{}' THEN
        v_after := '{viewer}';
    END IF;
    UPDATE identity.users SET roles = v_after WHERE user_id = p_user_id;
    IF NOT p_has THEN
        UPDATE identity.sessions SET revoked_at = clock_timestamp()
        WHERE user_id = p_user_id AND revoked_at IS NULL AND expires_at > clock_timestamp();
    END IF;
    INSERT INTO identity.audit_log (actor, role, action, user_id, before, after, trace_id)
    VALUES (p_actor, p_actor_role, CASE WHEN p_has THEN 'role.give' ELSE 'role.take' END, p_user_id,
            jsonb_build_object('roles', v_before), jsonb_build_object('roles', v_after), p_trace_id);
    RETURN v_after;
END
$$;
ALTER FUNCTION identity.change_role(p_user_id uuid, p_role text, p_has boolean, p_actor text, p_actor_role text, p_trace_id text) OWNER TO vote_identity_owner;
-- Name: erase(uuid, bytea, timestamp with time zone); Type: FUNCTION; Schema: identity; Owner: vote_identity_owner
CREATE FUNCTION identity.erase(p_user_id uuid, p_identity_hash bytea, p_kept_until timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'identity', 'pg_temp'
    AS $$
BEGIN
    PERFORM identity.is_erased(p_identity_hash);
    INSERT INTO identity.erased AS e (identity_hash, kept_until) VALUES (p_identity_hash, p_kept_until)
    ON CONFLICT (identity_hash) DO UPDATE SET kept_until = greatest(e.kept_until, excluded.kept_until);
    DELETE FROM identity.users WHERE user_id = p_user_id;
    RETURN FOUND;
END
$$;
ALTER FUNCTION identity.erase(p_user_id uuid, p_identity_hash bytea, p_kept_until timestamp with time zone) OWNER TO vote_identity_owner;
-- Name: folded(text); Type: FUNCTION; Schema: identity; Owner: vote_identity_owner
CREATE FUNCTION identity.folded(p_text text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT normalize(replace(translate(casefold(normalize(p_text, NFKC) COLLATE pg_unicode_fast),
        U&'\0131\200C\200D\FE0E\FE0F', 'i'), U&'i\0307', 'i'), NFKC)
$$;
ALTER FUNCTION identity.folded(p_text text) OWNER TO vote_identity_owner;
-- Name: forget(timestamp with time zone); Type: FUNCTION; Schema: identity; Owner: vote_identity_owner
CREATE FUNCTION identity.forget(p_unused_since timestamp with time zone) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'identity', 'pg_temp'
    AS $$
    WITH revocations AS (
        DELETE FROM identity.revocations WHERE revoked_id IN (
            SELECT revoked_id FROM identity.revocations WHERE expires_at < now() LIMIT 1000) RETURNING 1),
    erased AS (
        DELETE FROM identity.erased WHERE identity_hash IN (
            SELECT identity_hash FROM identity.erased WHERE kept_until < now() LIMIT 1000) RETURNING 1),
    sessions AS (  -- after an hour at least: so long a token may live, and who has no session has none
        DELETE FROM identity.sessions WHERE session_id IN (
            SELECT session_id FROM identity.sessions
            WHERE rotated_at < least(p_unused_since, now() - interval '1 hour') AND expires_at < now()
            ORDER BY rotated_at LIMIT 1000) RETURNING 1),
    next_people AS MATERIALIZED (  -- with ties: those after them begin at another moment
        SELECT u.* FROM identity.forget_cursor c, LATERAL (
            SELECT user_id, created_at, email, roles FROM identity.users
            WHERE created_at > c.looked_up_to AND created_at < p_unused_since
            ORDER BY created_at FETCH FIRST 10000 ROWS WITH TIES) u),
    people AS (
        DELETE FROM identity.users WHERE user_id IN (
            SELECT user_id FROM next_people u
            WHERE roles = '{viewer}'
              AND (email IS NOT NULL OR EXISTS (SELECT FROM identity.federated f WHERE f.user_id = u.user_id))
              AND NOT EXISTS (SELECT FROM identity.sessions s WHERE s.user_id = u.user_id)
            ORDER BY created_at LIMIT 1000) RETURNING created_at),
    moved AS (
        UPDATE identity.forget_cursor SET looked_up_to = CASE
            WHEN (SELECT count(*) FROM people) = 1000 THEN (SELECT max(created_at) FROM people)
            WHEN (SELECT count(*) FROM next_people) < 10000 THEN '-infinity'
            ELSE (SELECT max(created_at) FROM next_people) END)
    SELECT (SELECT count(*) FROM revocations) + (SELECT count(*) FROM erased)
         + (SELECT count(*) FROM sessions) + (SELECT count(*) FROM people)
$$;
ALTER FUNCTION identity.forget(p_unused_since timestamp with time zone) OWNER TO vote_identity_owner;
-- Name: is_erased(bytea); Type: FUNCTION; Schema: identity; Owner: vote_identity_owner
CREATE FUNCTION identity.is_erased(p_identity_hash bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'identity', 'pg_temp'
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(encode(p_identity_hash, 'hex'), 0));
    RETURN EXISTS (SELECT FROM identity.erased WHERE identity_hash = p_identity_hash AND kept_until > clock_timestamp());
END
$$;
ALTER FUNCTION identity.is_erased(p_identity_hash bytea) OWNER TO vote_identity_owner;
-- Name: revoke_person(); Type: FUNCTION; Schema: identity; Owner: vote_identity_owner
CREATE FUNCTION identity.revoke_person() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'identity', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (SELECT FROM identity.sessions WHERE user_id = OLD.user_id)
        OR (OLD.email IS NULL AND NOT EXISTS (SELECT FROM identity.federated WHERE user_id = OLD.user_id))
    THEN
        INSERT INTO identity.revocations (revoked_id, expires_at)
        VALUES (OLD.user_id, clock_timestamp() + interval '7 days') ON CONFLICT DO NOTHING;
    END IF;
    RETURN OLD;
END
$$;
ALTER FUNCTION identity.revoke_person() OWNER TO vote_identity_owner;
-- Name: revoke_tokens(); Type: FUNCTION; Schema: identity; Owner: vote_identity_owner
CREATE FUNCTION identity.revoke_tokens() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'identity', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO identity.revocations (revoked_id, expires_at)
    VALUES (OLD.session_id, clock_timestamp() + interval '1 hour') ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
ALTER FUNCTION identity.revoke_tokens() OWNER TO vote_identity_owner;
-- Name: revoked_since(timestamp with time zone); Type: FUNCTION; Schema: identity; Owner: vote_identity_owner
CREATE FUNCTION identity.revoked_since(p_since timestamp with time zone) RETURNS TABLE(revoked_id uuid, revoked_at timestamp with time zone, expires_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'identity', 'pg_temp'
    AS $$
    SELECT r.revoked_id, r.revoked_at, r.expires_at FROM identity.revocations r
    WHERE r.revoked_at >= p_since AND r.expires_at > clock_timestamp()
    ORDER BY r.revoked_at
$$;
ALTER FUNCTION identity.revoked_since(p_since timestamp with time zone) OWNER TO vote_identity_owner;
-- Name: revoked_since(xid8, uuid, integer); Type: FUNCTION; Schema: identity; Owner: vote_identity_owner
CREATE FUNCTION identity.revoked_since(p_xact_id xid8, p_after uuid, p_rows_max integer) RETURNS TABLE(revoked_id uuid, expires_at timestamp with time zone, xact_id xid8)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'identity', 'pg_temp'
    AS $$
    SELECT r.revoked_id, r.expires_at, r.xact_id FROM identity.revocations r
    WHERE (r.xact_id, r.revoked_id) > (p_xact_id, p_after) AND r.expires_at > clock_timestamp()
    ORDER BY r.xact_id, r.revoked_id LIMIT p_rows_max
$$;
ALTER FUNCTION identity.revoked_since(p_xact_id xid8, p_after uuid, p_rows_max integer) OWNER TO vote_identity_owner;
-- Name: tell_revocation(); Type: FUNCTION; Schema: identity; Owner: vote_identity_owner
CREATE FUNCTION identity.tell_revocation() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM pg_notify('revocations', '');
    RETURN NULL;
END
$$;
ALTER FUNCTION identity.tell_revocation() OWNER TO vote_identity_owner;
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
-- Name: audit_log; Type: TABLE; Schema: identity; Owner: vote_identity_owner
CREATE TABLE identity.audit_log (
    audit_no bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor text NOT NULL,
    role text NOT NULL,
    action text NOT NULL,
    user_id uuid,
    before jsonb,
    after jsonb,
    trace_id text,
    CONSTRAINT audit_log_role_check CHECK ((role = ANY (ARRAY['admin'::text, 'operator'::text, 'self'::text])))
);
ALTER TABLE identity.audit_log OWNER TO vote_identity_owner;
-- Name: audit_log_audit_no_seq; Type: SEQUENCE; Schema: identity; Owner: vote_identity_owner
ALTER TABLE identity.audit_log ALTER COLUMN audit_no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME identity.audit_log_audit_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
-- Name: burned_challenges; Type: TABLE; Schema: identity; Owner: vote_identity_owner
CREATE TABLE identity.burned_challenges (
    challenge_id bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT burned_challenges_challenge_id_check CHECK ((octet_length(challenge_id) = 16))
);
ALTER TABLE identity.burned_challenges OWNER TO vote_identity_owner;
-- Name: code_tries; Type: TABLE; Schema: identity; Owner: vote_identity_owner
CREATE TABLE identity.code_tries (
    user_id uuid NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    tries smallint DEFAULT 1 NOT NULL
);
ALTER TABLE identity.code_tries OWNER TO vote_identity_owner;
-- Name: erased; Type: TABLE; Schema: identity; Owner: vote_identity_owner
CREATE TABLE identity.erased (
    identity_hash bytea NOT NULL,
    kept_until timestamp with time zone NOT NULL,
    CONSTRAINT erased_identity_hash_check CHECK ((octet_length(identity_hash) = 32))
);
ALTER TABLE identity.erased OWNER TO vote_identity_owner;
-- Name: factors; Type: TABLE; Schema: identity; Owner: vote_identity_owner
CREATE TABLE identity.factors (
    factor_id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    confirmed_at timestamp with time zone,
    last_used_at timestamp with time zone,
    counter bigint DEFAULT 0 NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    credential_id bytea,
    secret bytea NOT NULL,
    CONSTRAINT factors_check CHECK (((credential_id IS NULL) = (kind = 'totp'::text))),
    CONSTRAINT factors_kind_check CHECK ((kind = ANY (ARRAY['totp'::text, 'passkey'::text])))
);
ALTER TABLE identity.factors OWNER TO vote_identity_owner;
-- Name: federated; Type: TABLE; Schema: identity; Owner: vote_identity_owner
CREATE TABLE identity.federated (
    user_id uuid NOT NULL,
    issuer text NOT NULL,
    subject text[] NOT NULL
);
ALTER TABLE identity.federated OWNER TO vote_identity_owner;
-- Name: forget_cursor; Type: TABLE; Schema: identity; Owner: vote_identity_owner
CREATE TABLE identity.forget_cursor (
    only_row boolean DEFAULT true NOT NULL,
    looked_up_to timestamp with time zone NOT NULL,
    CONSTRAINT forget_cursor_only_row_check CHECK (only_row)
);
ALTER TABLE identity.forget_cursor OWNER TO vote_identity_owner;
-- Name: mail_confirmations; Type: TABLE; Schema: identity; Owner: vote_identity_owner
CREATE TABLE identity.mail_confirmations (
    user_id uuid NOT NULL,
    sent_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    confirmed_at timestamp with time zone,
    sent smallint DEFAULT 1 NOT NULL
);
ALTER TABLE identity.mail_confirmations OWNER TO vote_identity_owner;
-- Name: recovery_codes; Type: TABLE; Schema: identity; Owner: vote_identity_owner
CREATE TABLE identity.recovery_codes (
    user_id uuid NOT NULL,
    code_hash bytea NOT NULL,
    CONSTRAINT recovery_codes_code_hash_check CHECK ((octet_length(code_hash) = 32))
);
ALTER TABLE identity.recovery_codes OWNER TO vote_identity_owner;
-- Name: revocations; Type: TABLE; Schema: identity; Owner: vote_identity_owner
CREATE TABLE identity.revocations (
    revoked_id uuid NOT NULL,
    revoked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    xact_id xid8 DEFAULT pg_current_xact_id() NOT NULL
);
ALTER TABLE identity.revocations OWNER TO vote_identity_owner;
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
    assurance text DEFAULT 'password'::text NOT NULL,
    device text,
    factor_at timestamp with time zone,
    CONSTRAINT sessions_assurance_check CHECK ((assurance = ANY (ARRAY['canary'::text, 'password'::text, 'mail'::text, 'federated'::text, 'attested'::text]))),
    CONSTRAINT sessions_current_hash_check CHECK ((octet_length(current_hash) = 32))
);
ALTER TABLE identity.sessions OWNER TO vote_identity_owner;
-- Name: used_id_tokens; Type: TABLE; Schema: identity; Owner: vote_identity_owner
CREATE TABLE identity.used_id_tokens (
    used_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    proof bytea NOT NULL,
    CONSTRAINT used_id_tokens_proof_check CHECK ((octet_length(proof) = 32))
);
ALTER TABLE identity.used_id_tokens OWNER TO vote_identity_owner;
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
    skeleton text,
    mailbox text,
    CONSTRAINT users_roles_check CHECK (((cardinality(roles) > 0) AND (roles <@ '{viewer,host,admin,auditor}'::text[]))),
    CONSTRAINT users_voter_seed_check CHECK ((octet_length(voter_seed) = 32))
);
ALTER TABLE identity.users OWNER TO vote_identity_owner;
-- Name: applications applications_pkey; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.applications
    ADD CONSTRAINT applications_pkey PRIMARY KEY (application);
-- Name: audit_log audit_log_pkey; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (audit_no);
-- Name: burned_challenges burned_challenges_pkey; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.burned_challenges
    ADD CONSTRAINT burned_challenges_pkey PRIMARY KEY (challenge_id);
-- Name: code_tries code_tries_pkey; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.code_tries
    ADD CONSTRAINT code_tries_pkey PRIMARY KEY (user_id);
-- Name: erased erased_pkey; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.erased
    ADD CONSTRAINT erased_pkey PRIMARY KEY (identity_hash);
-- Name: factors factors_credential_id_key; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.factors
    ADD CONSTRAINT factors_credential_id_key UNIQUE (credential_id);
-- Name: factors factors_pkey; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.factors
    ADD CONSTRAINT factors_pkey PRIMARY KEY (factor_id);
-- Name: federated federated_issuer_subject_key; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.federated
    ADD CONSTRAINT federated_issuer_subject_key UNIQUE (issuer, subject);
-- Name: federated federated_pkey; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.federated
    ADD CONSTRAINT federated_pkey PRIMARY KEY (user_id);
-- Name: forget_cursor forget_cursor_pkey; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.forget_cursor
    ADD CONSTRAINT forget_cursor_pkey PRIMARY KEY (only_row);
-- Name: mail_confirmations mail_confirmations_pkey; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.mail_confirmations
    ADD CONSTRAINT mail_confirmations_pkey PRIMARY KEY (user_id);
-- Name: recovery_codes recovery_codes_pkey; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.recovery_codes
    ADD CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, code_hash);
-- Name: revocations revocations_pkey; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.revocations
    ADD CONSTRAINT revocations_pkey PRIMARY KEY (revoked_id);
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (session_id);
-- Name: used_id_tokens used_id_tokens_pkey; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.used_id_tokens
    ADD CONSTRAINT used_id_tokens_pkey PRIMARY KEY (proof);
-- Name: users users_pkey; Type: CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (user_id);
-- Name: burned_challenges_age; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE INDEX burned_challenges_age ON identity.burned_challenges USING btree (expires_at);
-- Name: erased_kept_until; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE INDEX erased_kept_until ON identity.erased USING btree (kept_until);
-- Name: factors_of_user; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE INDEX factors_of_user ON identity.factors USING btree (user_id);
-- Name: revocations_expires_at; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE INDEX revocations_expires_at ON identity.revocations USING btree (expires_at);
-- Name: revocations_revoked_at; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE INDEX revocations_revoked_at ON identity.revocations USING btree (revoked_at);
-- Name: revocations_xact_id; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE INDEX revocations_xact_id ON identity.revocations USING btree (xact_id, revoked_id);
-- Name: sessions_of_user; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE INDEX sessions_of_user ON identity.sessions USING btree (user_id);
-- Name: sessions_rotated_at; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE INDEX sessions_rotated_at ON identity.sessions USING btree (rotated_at);
-- Name: used_id_tokens_age; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE INDEX used_id_tokens_age ON identity.used_id_tokens USING btree (used_at);
-- Name: users_created_at; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE INDEX users_created_at ON identity.users USING btree (created_at);
-- Name: users_folded_email; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE UNIQUE INDEX users_folded_email ON identity.users USING btree (identity.folded(email));
-- Name: users_folded_username; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE UNIQUE INDEX users_folded_username ON identity.users USING btree (identity.folded(username));
-- Name: users_mailbox; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE UNIQUE INDEX users_mailbox ON identity.users USING btree (identity.folded(mailbox));
-- Name: users_of_challenge; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE UNIQUE INDEX users_of_challenge ON identity.users USING btree (registered_with) WHERE starts_with(registered_with, 'challenge:'::text);
-- Name: users_skeleton; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE UNIQUE INDEX users_skeleton ON identity.users USING btree (skeleton);
-- Name: users_staff; Type: INDEX; Schema: identity; Owner: vote_identity_owner
CREATE INDEX users_staff ON identity.users USING btree (user_id) WHERE (roles <> '{viewer}'::text[]);
-- Name: sessions revoke_when_ended; Type: TRIGGER; Schema: identity; Owner: vote_identity_owner
CREATE TRIGGER revoke_when_ended AFTER UPDATE OF revoked_at ON identity.sessions FOR EACH ROW WHEN (((old.revoked_at IS NULL) AND (new.revoked_at IS NOT NULL))) EXECUTE FUNCTION identity.revoke_tokens();
-- Name: users revoke_when_erased; Type: TRIGGER; Schema: identity; Owner: vote_identity_owner
CREATE TRIGGER revoke_when_erased BEFORE DELETE ON identity.users FOR EACH ROW EXECUTE FUNCTION identity.revoke_person();
-- Name: sessions revoke_when_gone; Type: TRIGGER; Schema: identity; Owner: vote_identity_owner
CREATE TRIGGER revoke_when_gone AFTER DELETE ON identity.sessions FOR EACH ROW WHEN (((old.revoked_at IS NULL) AND (old.expires_at > now()))) EXECUTE FUNCTION identity.revoke_tokens();
-- Name: revocations tell; Type: TRIGGER; Schema: identity; Owner: vote_identity_owner
CREATE TRIGGER tell AFTER INSERT ON identity.revocations FOR EACH STATEMENT EXECUTE FUNCTION identity.tell_revocation();
-- Name: code_tries code_tries_user_id_fkey; Type: FK CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.code_tries
    ADD CONSTRAINT code_tries_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity.users(user_id) ON DELETE CASCADE;
-- Name: factors factors_user_id_fkey; Type: FK CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.factors
    ADD CONSTRAINT factors_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity.users(user_id) ON DELETE CASCADE;
-- Name: federated federated_user_id_fkey; Type: FK CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.federated
    ADD CONSTRAINT federated_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity.users(user_id) ON DELETE CASCADE;
-- Name: mail_confirmations mail_confirmations_user_id_fkey; Type: FK CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.mail_confirmations
    ADD CONSTRAINT mail_confirmations_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity.users(user_id) ON DELETE CASCADE;
-- Name: recovery_codes recovery_codes_user_id_fkey; Type: FK CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.recovery_codes
    ADD CONSTRAINT recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity.users(user_id) ON DELETE CASCADE;
-- Name: sessions sessions_user_id_fkey; Type: FK CONSTRAINT; Schema: identity; Owner: vote_identity_owner
ALTER TABLE ONLY identity.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES identity.users(user_id) ON DELETE CASCADE;
-- Name: SCHEMA identity; Type: ACL; Schema: -; Owner: vote_identity_owner
GRANT USAGE ON SCHEMA identity TO vote_identity;
GRANT USAGE ON SCHEMA identity TO vote_command;
GRANT USAGE ON SCHEMA identity TO vote_query;
-- Name: SCHEMA public; Type: ACL; Schema: -; Owner: pg_database_owner
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
-- Name: FUNCTION change_role(p_user_id uuid, p_role text, p_has boolean, p_actor text, p_actor_role text, p_trace_id text); Type: ACL; Schema: identity; Owner: vote_identity_owner
REVOKE ALL ON FUNCTION identity.change_role(p_user_id uuid, p_role text, p_has boolean, p_actor text, p_actor_role text, p_trace_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.change_role(p_user_id uuid, p_role text, p_has boolean, p_actor text, p_actor_role text, p_trace_id text) TO vote_identity;
-- Name: FUNCTION erase(p_user_id uuid, p_identity_hash bytea, p_kept_until timestamp with time zone); Type: ACL; Schema: identity; Owner: vote_identity_owner
REVOKE ALL ON FUNCTION identity.erase(p_user_id uuid, p_identity_hash bytea, p_kept_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.erase(p_user_id uuid, p_identity_hash bytea, p_kept_until timestamp with time zone) TO vote_identity;
-- Name: FUNCTION folded(p_text text); Type: ACL; Schema: identity; Owner: vote_identity_owner
REVOKE ALL ON FUNCTION identity.folded(p_text text) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.folded(p_text text) TO vote_identity;
-- Name: FUNCTION forget(p_unused_since timestamp with time zone); Type: ACL; Schema: identity; Owner: vote_identity_owner
REVOKE ALL ON FUNCTION identity.forget(p_unused_since timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.forget(p_unused_since timestamp with time zone) TO vote_identity;
-- Name: FUNCTION is_erased(p_identity_hash bytea); Type: ACL; Schema: identity; Owner: vote_identity_owner
REVOKE ALL ON FUNCTION identity.is_erased(p_identity_hash bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.is_erased(p_identity_hash bytea) TO vote_identity;
-- Name: FUNCTION revoke_person(); Type: ACL; Schema: identity; Owner: vote_identity_owner
REVOKE ALL ON FUNCTION identity.revoke_person() FROM PUBLIC;
-- Name: FUNCTION revoke_tokens(); Type: ACL; Schema: identity; Owner: vote_identity_owner
REVOKE ALL ON FUNCTION identity.revoke_tokens() FROM PUBLIC;
-- Name: FUNCTION revoked_since(p_since timestamp with time zone); Type: ACL; Schema: identity; Owner: vote_identity_owner
REVOKE ALL ON FUNCTION identity.revoked_since(p_since timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.revoked_since(p_since timestamp with time zone) TO vote_command;
GRANT ALL ON FUNCTION identity.revoked_since(p_since timestamp with time zone) TO vote_query;
-- Name: FUNCTION revoked_since(p_xact_id xid8, p_after uuid, p_rows_max integer); Type: ACL; Schema: identity; Owner: vote_identity_owner
REVOKE ALL ON FUNCTION identity.revoked_since(p_xact_id xid8, p_after uuid, p_rows_max integer) FROM PUBLIC;
GRANT ALL ON FUNCTION identity.revoked_since(p_xact_id xid8, p_after uuid, p_rows_max integer) TO vote_command;
GRANT ALL ON FUNCTION identity.revoked_since(p_xact_id xid8, p_after uuid, p_rows_max integer) TO vote_query;
-- Name: FUNCTION tell_revocation(); Type: ACL; Schema: identity; Owner: vote_identity_owner
REVOKE ALL ON FUNCTION identity.tell_revocation() FROM PUBLIC;
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
GRANT ALL ON FUNCTION pg_catalog.pg_advisory_xact_lock(bigint) TO vote_identity_owner;
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
GRANT SELECT,INSERT,DELETE ON TABLE identity.applications TO vote_identity;
-- Name: TABLE audit_log; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT SELECT ON TABLE identity.audit_log TO vote_identity;
-- Name: COLUMN audit_log.actor; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT INSERT(actor) ON TABLE identity.audit_log TO vote_identity;
-- Name: COLUMN audit_log.role; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT INSERT(role) ON TABLE identity.audit_log TO vote_identity;
-- Name: COLUMN audit_log.action; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT INSERT(action) ON TABLE identity.audit_log TO vote_identity;
-- Name: COLUMN audit_log.user_id; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT INSERT(user_id) ON TABLE identity.audit_log TO vote_identity;
-- Name: COLUMN audit_log.before; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT INSERT(before) ON TABLE identity.audit_log TO vote_identity;
-- Name: COLUMN audit_log.after; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT INSERT(after) ON TABLE identity.audit_log TO vote_identity;
-- Name: COLUMN audit_log.trace_id; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT INSERT(trace_id) ON TABLE identity.audit_log TO vote_identity;
-- Name: TABLE burned_challenges; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT SELECT,INSERT,DELETE ON TABLE identity.burned_challenges TO vote_identity;
-- Name: COLUMN burned_challenges.expires_at; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(expires_at) ON TABLE identity.burned_challenges TO vote_identity;
-- Name: TABLE code_tries; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT SELECT,INSERT,DELETE ON TABLE identity.code_tries TO vote_identity;
-- Name: COLUMN code_tries.since; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(since) ON TABLE identity.code_tries TO vote_identity;
-- Name: COLUMN code_tries.tries; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(tries) ON TABLE identity.code_tries TO vote_identity;
-- Name: TABLE factors; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT SELECT,INSERT,DELETE ON TABLE identity.factors TO vote_identity;
-- Name: COLUMN factors.confirmed_at; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(confirmed_at) ON TABLE identity.factors TO vote_identity;
-- Name: COLUMN factors.last_used_at; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(last_used_at) ON TABLE identity.factors TO vote_identity;
-- Name: COLUMN factors.counter; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(counter) ON TABLE identity.factors TO vote_identity;
-- Name: TABLE federated; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT SELECT,INSERT ON TABLE identity.federated TO vote_identity;
-- Name: TABLE mail_confirmations; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT SELECT,INSERT ON TABLE identity.mail_confirmations TO vote_identity;
-- Name: COLUMN mail_confirmations.sent_at; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(sent_at) ON TABLE identity.mail_confirmations TO vote_identity;
-- Name: COLUMN mail_confirmations.confirmed_at; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(confirmed_at) ON TABLE identity.mail_confirmations TO vote_identity;
-- Name: COLUMN mail_confirmations.sent; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(sent) ON TABLE identity.mail_confirmations TO vote_identity;
-- Name: TABLE recovery_codes; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT SELECT,INSERT,DELETE ON TABLE identity.recovery_codes TO vote_identity;
-- Name: TABLE revocations; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT SELECT,INSERT ON TABLE identity.revocations TO vote_identity;
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
-- Name: COLUMN sessions.assurance; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(assurance) ON TABLE identity.sessions TO vote_identity;
-- Name: COLUMN sessions.factor_at; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(factor_at) ON TABLE identity.sessions TO vote_identity;
-- Name: TABLE used_id_tokens; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT SELECT,INSERT,DELETE ON TABLE identity.used_id_tokens TO vote_identity;
-- Name: COLUMN used_id_tokens.used_at; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT UPDATE(used_at) ON TABLE identity.used_id_tokens TO vote_identity;
-- Name: TABLE users; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT SELECT ON TABLE identity.users TO vote_identity;
-- Name: COLUMN users.user_id; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT INSERT(user_id) ON TABLE identity.users TO vote_identity;
-- Name: COLUMN users.created_at; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT INSERT(created_at) ON TABLE identity.users TO vote_identity;
-- Name: COLUMN users.date_of_birth; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT INSERT(date_of_birth) ON TABLE identity.users TO vote_identity;
-- Name: COLUMN users.username; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT INSERT(username) ON TABLE identity.users TO vote_identity;
-- Name: COLUMN users.email; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT INSERT(email) ON TABLE identity.users TO vote_identity;
-- Name: COLUMN users.password_hash; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT INSERT(password_hash),UPDATE(password_hash) ON TABLE identity.users TO vote_identity;
-- Name: COLUMN users.voter_seed; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT INSERT(voter_seed) ON TABLE identity.users TO vote_identity;
-- Name: COLUMN users.registered_with; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT INSERT(registered_with) ON TABLE identity.users TO vote_identity;
-- Name: COLUMN users.skeleton; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT INSERT(skeleton),UPDATE(skeleton) ON TABLE identity.users TO vote_identity;
-- Name: COLUMN users.mailbox; Type: ACL; Schema: identity; Owner: vote_identity_owner
GRANT INSERT(mailbox),UPDATE(mailbox) ON TABLE identity.users TO vote_identity;
-- PostgreSQL database dump complete
