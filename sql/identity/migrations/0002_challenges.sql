-- Solved challenges that were used, and one registration for each; applications can be shut out by identity's own line.
-- Locks: SHARE on identity.users while an index is built that no row is in yet: registrations wait for a look at the whole
-- table (a second per few million people), logins don't. Else none that anybody waits for.
-- Goes before the new identity process; an old one runs on beside it.

SET ROLE vote_identity_owner;

-- Each solution is taken once, whatever a cache or a process forgets. A row goes some time after its challenge expired, by
-- burn_challenge in sql/queries/identity.sql: so there are as many as were solved in an hour or so.
CREATE TABLE identity.burned_challenges (
    challenge_id bytea PRIMARY KEY CHECK (octet_length(challenge_id) = 16),
    expires_at   timestamptz NOT NULL
);
CREATE INDEX burned_challenges_age ON identity.burned_challenges (expires_at);

-- The Bearer of a solved challenge registers one person, that of an application any number.
CREATE UNIQUE INDEX users_of_challenge ON identity.users (registered_with) WHERE starts_with(registered_with, 'challenge:');

GRANT SELECT, INSERT, DELETE ON identity.burned_challenges TO vote_identity;
GRANT UPDATE (expires_at) ON identity.burned_challenges TO vote_identity;  -- FOR UPDATE SKIP LOCKED asks for it
GRANT DELETE ON identity.applications TO vote_identity;

RESET ROLE;
