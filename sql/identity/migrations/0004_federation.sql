-- People of outside issuers, and what a session knows of its person.
-- Locks: ACCESS EXCLUSIVE on identity.sessions for a moment (a column with a constant default: nothing is rewritten).
-- Takes: milliseconds.
-- Goes before the new identity process. An old one runs on beside it, and starts sessions of the weakest level.

SET ROLE vote_identity_owner;

-- How it is known whose session it is; a refresh keeps it.
ALTER TABLE identity.sessions ADD COLUMN assurance text NOT NULL DEFAULT 'password'
    CHECK (assurance IN ('password', 'mail', 'federated', 'attested'));

-- Whom an OpenID Connect issuer means: the values of the claims that make one of its people, in the order of its settings.
CREATE TABLE identity.federated (
    user_id uuid PRIMARY KEY REFERENCES identity.users ON DELETE CASCADE,
    issuer  text NOT NULL,
    subject text[] NOT NULL,
    UNIQUE (issuer, subject)
);

-- Id_tokens that were exchanged, each by the hash of what its issuer signed: none is taken twice. Kept for a day.
CREATE TABLE identity.used_id_tokens (
    used_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    proof   bytea PRIMARY KEY CHECK (octet_length(proof) = 32)
);
CREATE INDEX used_id_tokens_age ON identity.used_id_tokens (used_at);

GRANT UPDATE (assurance) ON identity.sessions TO vote_identity;
GRANT SELECT, INSERT ON identity.federated TO vote_identity;
GRANT SELECT, INSERT, DELETE, UPDATE (used_at) ON identity.used_id_tokens TO vote_identity;

RESET ROLE;
