-- People, the applications that may register them, and their sessions. Apart from the ledger: another schema,
-- another owner, and no role but vote_identity reads it. Takes no lock that anybody waits for: all objects are new.

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

-- Names are compared without case by a collation that is the same on every machine; it comes with Postgres 17.
CREATE UNIQUE INDEX users_username ON identity.users (lower(username COLLATE pg_c_utf8));
CREATE UNIQUE INDEX users_email ON identity.users (lower(email COLLATE pg_c_utf8));

-- One row a family of refresh tokens, that is, a login on one device. Only SHA-256 hashes of tokens are kept.
CREATE TABLE identity.sessions (
    session_id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id       uuid NOT NULL REFERENCES identity.users ON DELETE CASCADE,
    started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    rotated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at    timestamptz NOT NULL,
    revoked_at    timestamptz,
    current_hash  bytea NOT NULL CHECK (octet_length(current_hash) = 32),
    previous_hash bytea CHECK (octet_length(previous_hash) = 32)  -- honoured for seconds after rotated_at
);

CREATE INDEX sessions_of_user ON identity.sessions (user_id);

-- All that the command side may ask of identity.
CREATE FUNCTION identity.user_exists(p_user_id uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
    SELECT EXISTS (SELECT FROM identity.users WHERE user_id = p_user_id)
$$;

-- All that the read side may ask of identity: what stands for a person in one event's ledger, and not the seed, which
-- would tell all events. Null when there is no such user. contract/pseudonym.py computes the same.
CREATE FUNCTION identity.voter_of(p_user_id uuid, p_event_no int) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
    SELECT substr(sha256(voter_seed || int4send(p_event_no)), 1, 12) FROM identity.users WHERE user_id = p_user_id
$$;
REVOKE ALL ON FUNCTION identity.user_exists, identity.voter_of FROM PUBLIC;

GRANT USAGE ON SCHEMA identity TO vote_identity, vote_command, vote_query;
GRANT EXECUTE ON FUNCTION identity.user_exists TO vote_command;
GRANT EXECUTE ON FUNCTION identity.voter_of TO vote_query;
GRANT SELECT, INSERT ON identity.applications, identity.users TO vote_identity;
GRANT UPDATE (password_hash, roles) ON identity.users TO vote_identity;
GRANT SELECT, INSERT, DELETE ON identity.sessions TO vote_identity;
GRANT UPDATE (rotated_at, expires_at, revoked_at, current_hash, previous_hash) ON identity.sessions TO vote_identity;

RESET ROLE;
