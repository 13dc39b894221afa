-- People of outside issuers who weren't here for long are forgotten, as those with a mail address are.
-- Locks nothing that anybody waits for: a function is replaced. Goes before or after the new identity process.

SET ROLE vote_identity_owner;

-- What isn't needed any more, a thousand rows of each kind at most, so that nobody waits for it: revocations, hashes of
-- the erased, sessions that ended before p_unused_since, and people with a mail address or an outside identity (not
-- staff) who weren't here since then. How many rows went.
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
            WHERE expires_at < now() AND rotated_at < p_unused_since LIMIT 1000) RETURNING 1),
    people AS (
        DELETE FROM identity.users WHERE user_id IN (
            SELECT user_id FROM identity.users u
            WHERE created_at < p_unused_since AND roles = '{viewer}'
              AND (email IS NOT NULL OR EXISTS (SELECT FROM identity.federated f WHERE f.user_id = u.user_id))
              AND NOT EXISTS (SELECT FROM identity.sessions s WHERE s.user_id = u.user_id) LIMIT 1000) RETURNING 1)
    SELECT (SELECT count(*) FROM revocations) + (SELECT count(*) FROM erased)
         + (SELECT count(*) FROM sessions) + (SELECT count(*) FROM people)
$$;

RESET ROLE;
