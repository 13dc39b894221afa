-- Who wasn't here for long is looked for a part of the people at a time, in the order of their creation, instead of among
-- all old accounts at each call: most of them are still in use when there are millions. Sessions are found by when they
-- were last used: by their end, all that ended within the years that they are kept were read each time.
-- Locks: SHARE on identity.sessions while its index is made (a second for each million rows): logins and refreshes wait.
-- Goes before or after the new identity process, which only calls more often.

SET ROLE vote_identity_owner;

CREATE INDEX sessions_rotated_at ON identity.sessions (rotated_at);
DROP INDEX identity.sessions_expires_at;

-- Up to whose creation people were looked at in this round.
CREATE TABLE identity.forget_cursor (
    only_row     boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    looked_up_to timestamptz NOT NULL
);
INSERT INTO identity.forget_cursor (looked_up_to) VALUES ('-infinity');

-- What isn't needed any more, a thousand rows of each kind at most, so that nobody waits for it: revocations, hashes of
-- the erased, sessions that ended before p_unused_since, and people with a mail address or an outside identity (not
-- staff) who weren't here since then, of the next ten thousand in turn. How many rows went. Two calls at once look at the
-- same people, which costs time and nothing else.
CREATE OR REPLACE FUNCTION identity.forget(p_unused_since timestamptz) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
    WITH revocations AS (
        DELETE FROM identity.revocations WHERE revoked_id IN (
            SELECT revoked_id FROM identity.revocations WHERE expires_at < now() LIMIT 1000) RETURNING 1),
    erased AS (
        DELETE FROM identity.erased WHERE identity_hash IN (
            SELECT identity_hash FROM identity.erased WHERE kept_until < now() LIMIT 1000) RETURNING 1),
    sessions AS (
        DELETE FROM identity.sessions WHERE session_id IN (
            SELECT session_id FROM identity.sessions
            WHERE rotated_at < p_unused_since AND expires_at < now() ORDER BY rotated_at LIMIT 1000) RETURNING 1),
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

RESET ROLE;
