-- Forgetting old accounts revokes nothing, since nobody of them can have a token that still lives: it used to fill the list
-- of revocations with a thousand people a second. And the list can be read in pages, each row once: by the transactions that
-- wrote it, so that what becomes visible late is found without reading all of the last minutes again.
-- Locks: ACCESS EXCLUSIVE on identity.revocations while its index is made (a second for each million rows): logouts wait.
-- SHARE ROW EXCLUSIVE on identity.users for a moment: registrations wait.
-- Expands: goes before the new processes, for which revoked_since has three arguments. That of one stays for those of before.

SET ROLE vote_identity_owner;

-- The transaction that wrote a row; 0: one of before this migration.
ALTER TABLE identity.revocations ADD COLUMN xact_id xid8 NOT NULL DEFAULT '0';
ALTER TABLE identity.revocations ALTER COLUMN xact_id SET DEFAULT pg_current_xact_id();
-- Not CONCURRENTLY, which can't be in a transaction: rows live for an hour or a week, so they are few.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX revocations_xact_id ON identity.revocations (xact_id, revoked_id);

-- All that other processes may ask about it: what was revoked by transactions from p_xact_id on, after this id of that one.
-- Fewer rows than p_rows_max are all there are. Whoever reads on from the oldest transaction that was under way before this
-- call (pg_snapshot_xmin) misses none.
CREATE FUNCTION identity.revoked_since(p_xact_id xid8, p_after uuid, p_rows_max integer)
RETURNS TABLE (revoked_id uuid, expires_at timestamptz, xact_id xid8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
    SELECT r.revoked_id, r.expires_at, r.xact_id FROM identity.revocations r
    WHERE (r.xact_id, r.revoked_id) > (p_xact_id, p_after) AND r.expires_at > clock_timestamp()
    ORDER BY r.xact_id, r.revoked_id LIMIT p_rows_max
$$;
REVOKE ALL ON FUNCTION identity.revoked_since(xid8, uuid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.revoked_since(xid8, uuid, integer) TO vote_command, vote_query;

-- Access tokens of sessions live for an hour at most (the identity process refuses a longer setting).
CREATE OR REPLACE FUNCTION identity.revoke_tokens() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
    INSERT INTO identity.revocations (revoked_id, expires_at)
    VALUES (OLD.session_id, clock_timestamp() + interval '1 hour') ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

-- Those that an operator hands out live for a week at most (./ops/admin refuses more) and belong to no session, but only to
-- people without a mail address and an outside identity. Of anybody else without a session every token is over: it was
-- revoked with its session, or forget() has let an hour pass since. Looks before the sessions go with the person.
CREATE FUNCTION identity.revoke_person() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
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
REVOKE ALL ON FUNCTION identity.revoke_person FROM PUBLIC;

CREATE OR REPLACE TRIGGER revoke_when_erased BEFORE DELETE ON identity.users FOR EACH ROW
    EXECUTE FUNCTION identity.revoke_person();

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

RESET ROLE;
