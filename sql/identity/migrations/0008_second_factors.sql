-- Second factors: one-time codes of an app (TOTP), passkeys, and codes to come back with when both are lost.
-- Locks: users (for new foreign keys) and sessions (a column without a default), each for a moment: nothing is rewritten.
-- Goes before the new identity process.

SET ROLE vote_identity_owner;

-- counter only rises, so that each code is taken once and a copy of a passkey is noticed: the time step of the last code
-- that was taken, or a passkey's count of its signatures.
CREATE TABLE identity.factors (
    factor_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id       uuid NOT NULL REFERENCES identity.users ON DELETE CASCADE,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    confirmed_at  timestamptz,  -- null: its owner hasn't shown yet that it works
    last_used_at  timestamptz,
    counter       bigint NOT NULL DEFAULT 0,
    kind          text NOT NULL CHECK (kind IN ('totp', 'passkey')),
    name          text NOT NULL,
    credential_id bytea UNIQUE CHECK ((credential_id IS NULL) = (kind = 'totp')),
    secret        bytea NOT NULL  -- encrypted with a key that Postgres hasn't got; of a passkey the public key
);
CREATE INDEX factors_of_user ON identity.factors (user_id);

-- SHA-256 of what is shown once and taken once; 80 random bits each.
CREATE TABLE identity.recovery_codes (
    user_id   uuid NOT NULL REFERENCES identity.users ON DELETE CASCADE,
    code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 32),
    PRIMARY KEY (user_id, code_hash)
);

-- How many codes were tried for a person since when. Here and not in Redis: six digits must not be guessed while that is
-- away.
CREATE TABLE identity.code_tries (
    user_id uuid PRIMARY KEY REFERENCES identity.users ON DELETE CASCADE,
    since   timestamptz NOT NULL DEFAULT clock_timestamp(),
    tries   smallint NOT NULL DEFAULT 1
);

ALTER TABLE identity.sessions ADD COLUMN factor_at timestamptz;  -- when a second factor was shown in it last

GRANT SELECT, INSERT, DELETE, UPDATE (confirmed_at, last_used_at, counter) ON identity.factors TO vote_identity;
GRANT SELECT, INSERT, DELETE ON identity.recovery_codes TO vote_identity;
GRANT SELECT, INSERT, DELETE, UPDATE (since, tries) ON identity.code_tries TO vote_identity;
GRANT UPDATE (factor_at) ON identity.sessions TO vote_identity;

RESET ROLE;
