-- The identity database: people, the applications that may register them, and their sessions. A database of its own, and
-- in production a server of its own: whoever may read a database's WAL reads all of it, whatever the tables' rights are.
-- Run as a superuser in an empty database of Postgres 18 or newer: casefold() and the collation pg_unicode_fast, which is
-- the same on every machine, come with it. Takes no lock that anybody waits for: all objects are new.
-- Roles belong to a server, and this may be another than the ledger's: each is made only if it is missing. The owner can't
-- log in; login and password of the others are given by the operator, not here.

DO $$
DECLARE
    role_name text;
    open_to_all regprocedure;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['vote_identity_owner', 'vote_identity', 'vote_command', 'vote_query'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- the ledger is on this server
        END;
    END LOOP;

    -- Who has no business here doesn't come in, whatever pg_hba.conf says.
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO vote_identity, vote_command, vote_query', current_database());
    EXECUTE format('GRANT CREATE ON DATABASE %I TO vote_identity_owner', current_database());

    -- By default everybody may take advisory locks, write large objects and send messages through the WAL.
    FOR open_to_all IN
        SELECT oid FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace
          AND proname ~ '^(pg_(try_)?advisory_(xact_)?lock|lo_|loread$|lowrite$|pg_logical_emit_message$)'
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', open_to_all);
    END LOOP;
END
$$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

SET ROLE vote_identity_owner;

CREATE SCHEMA identity;

-- Applications whose token may register people. DELETE one to shut it out: its tokens then answer 404.
CREATE TABLE identity.applications (
    application text PRIMARY KEY,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row a person. email, date_of_birth and password_hash are null for people whom an operator made.
CREATE TABLE identity.users (
    user_id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    date_of_birth   date,
    username        text NOT NULL,  -- NFKC
    email           text,
    password_hash   text,  -- argon2id, as the PHC string
    roles           text[] NOT NULL DEFAULT '{viewer}'
                    CHECK (cardinality(roles) > 0 AND roles <@ '{viewer,host,admin,auditor}'::text[]),
    voter_seed      bytea NOT NULL CHECK (octet_length(voter_seed) = 32),  -- a change would be a second vote: nobody may
    registered_with text  -- jti of the Bearer: the same call again is answered alike
);

-- What two spellings of one name have in common: case (a final sigma and the sharp s included), forms of width, joiners
-- and variation selectors, which are hardly seen; and the four letters i of Turkish, whose case is a matter of language.
CREATE FUNCTION identity.folded(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT normalize(replace(translate(casefold(normalize(p_text, NFKC) COLLATE pg_unicode_fast),
        U&'\0131\200C\200D\FE0E\FE0F', 'i'), U&'i\0307', 'i'), NFKC)
$$;

CREATE UNIQUE INDEX users_folded_username ON identity.users (identity.folded(username));
CREATE UNIQUE INDEX users_folded_email ON identity.users (identity.folded(email));

-- One row a family of refresh tokens, that is, a login on one device. Only the SHA-256 hash of the newest is kept; tokens
-- follow from each other by a key that Postgres hasn't got. So the n-th of (rotated_at, earlier_rotations), newest first,
-- is when the token n + 1 places before the current one was used.
CREATE TABLE identity.sessions (
    session_id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id           uuid NOT NULL REFERENCES identity.users ON DELETE CASCADE,
    started_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    rotated_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at        timestamptz NOT NULL,
    revoked_at        timestamptz,
    current_hash      bytea NOT NULL CHECK (octet_length(current_hash) = 32),
    earlier_rotations timestamptz[] NOT NULL DEFAULT '{}'
);

CREATE INDEX sessions_of_user ON identity.sessions (user_id);

-- The door: each function is all that the role it is granted to may do here.

-- For command.
CREATE FUNCTION identity.user_exists(p_user_id uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
    SELECT EXISTS (SELECT FROM identity.users WHERE user_id = p_user_id)
$$;

-- For query: what stands for a person in one event's ledger, and not the seed, which would tell all events. Null when
-- there is no such user. contract/pseudonym.py computes the same.
CREATE FUNCTION identity.voter_of(p_user_id uuid, p_event_no int) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
    SELECT substr(sha256(voter_seed || int4send(p_event_no)), 1, 12) FROM identity.users WHERE user_id = p_user_id
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA identity FROM PUBLIC;
GRANT USAGE ON SCHEMA identity TO vote_identity, vote_command, vote_query;
GRANT EXECUTE ON FUNCTION identity.user_exists TO vote_command;
GRANT EXECUTE ON FUNCTION identity.voter_of TO vote_query;
GRANT EXECUTE ON FUNCTION identity.folded TO vote_identity;
GRANT SELECT, INSERT ON identity.applications, identity.users TO vote_identity;
GRANT UPDATE (password_hash, roles) ON identity.users TO vote_identity;
GRANT SELECT, INSERT, DELETE ON identity.sessions TO vote_identity;
GRANT UPDATE (rotated_at, expires_at, revoked_at, current_hash, earlier_rotations) ON identity.sessions TO vote_identity;

RESET ROLE;
