-- Sessions that end before their access tokens do: the list that every process keeps. It is written by triggers, so that
-- whatever ends a session, an operator's DELETE included, ends its tokens.
-- Locks: SHARE ROW EXCLUSIVE on identity.sessions and identity.users while two indexes are built (a second per million
-- rows): logins and registrations wait.
-- Goes before the new processes. Old ones run on beside it.

GRANT EXECUTE ON FUNCTION pg_advisory_xact_lock(bigint) TO vote_identity_owner;

SET ROLE vote_identity_owner;

-- A session or a person whose access tokens are refused everywhere. A row is needed for as long as such a token lives.
CREATE TABLE identity.revocations (
    revoked_id uuid PRIMARY KEY,  -- a session_id or a user_id
    revoked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX revocations_revoked_at ON identity.revocations (revoked_at);

-- Mail addresses (or subjects of an issuer) whose accounts were erased, as keyed hashes: until then nobody registers with
-- them, since the person's vote still counts in the events that were open.
CREATE TABLE identity.erased (
    identity_hash bytea PRIMARY KEY CHECK (octet_length(identity_hash) = 32),
    kept_until    timestamptz NOT NULL
);

ALTER TABLE identity.sessions ADD COLUMN device text;  -- what the client said it is, for its owner's eyes

CREATE FUNCTION identity.tell_revocation() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_notify('revocations', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER tell AFTER INSERT ON identity.revocations FOR EACH STATEMENT EXECUTE FUNCTION identity.tell_revocation();

-- Access tokens live for an hour at most (the identity process refuses a longer setting), those that an operator hands
-- out for a week.
CREATE FUNCTION identity.revoke_tokens() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
    IF TG_TABLE_NAME = 'sessions' THEN
        INSERT INTO identity.revocations (revoked_id, expires_at)
        VALUES (OLD.session_id, clock_timestamp() + interval '1 hour') ON CONFLICT DO NOTHING;
    ELSE
        INSERT INTO identity.revocations (revoked_id, expires_at)
        VALUES (OLD.user_id, clock_timestamp() + interval '7 days') ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION identity.tell_revocation, identity.revoke_tokens FROM PUBLIC;

CREATE TRIGGER revoke_when_ended AFTER UPDATE OF revoked_at ON identity.sessions FOR EACH ROW
    WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION identity.revoke_tokens();
CREATE TRIGGER revoke_when_gone AFTER DELETE ON identity.sessions FOR EACH ROW
    WHEN (OLD.revoked_at IS NULL AND OLD.expires_at > now()) EXECUTE FUNCTION identity.revoke_tokens();
CREATE TRIGGER revoke_when_erased AFTER DELETE ON identity.users FOR EACH ROW EXECUTE FUNCTION identity.revoke_tokens();

-- All that other processes may ask about it.
CREATE FUNCTION identity.revoked_since(p_since timestamptz)
RETURNS TABLE (revoked_id uuid, revoked_at timestamptz, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
    SELECT r.revoked_id, r.revoked_at, r.expires_at FROM identity.revocations r
    WHERE r.revoked_at >= p_since AND r.expires_at > clock_timestamp()
    ORDER BY r.revoked_at
$$;
REVOKE ALL ON FUNCTION identity.revoked_since FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.revoked_since TO vote_command, vote_query;

-- Whether an account of this hash was erased and may not be made anew yet. The lock makes it certain: of a registration
-- and an erasure at the same moment one waits for the other's COMMIT, and then sees it.
CREATE FUNCTION identity.is_erased(p_identity_hash bytea) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(encode(p_identity_hash, 'hex'), 0));
    RETURN EXISTS (SELECT FROM identity.erased WHERE identity_hash = p_identity_hash AND kept_until > clock_timestamp());
END
$$;

-- Erases a person: account and sessions go, the votes stay and are nobody's any more, since the seed is gone. Whether
-- there was one to erase.
CREATE FUNCTION identity.erase(p_user_id uuid, p_identity_hash bytea, p_kept_until timestamptz) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, identity, pg_temp AS $$
BEGIN
    PERFORM identity.is_erased(p_identity_hash);
    INSERT INTO identity.erased AS e (identity_hash, kept_until) VALUES (p_identity_hash, p_kept_until)
    ON CONFLICT (identity_hash) DO UPDATE SET kept_until = greatest(e.kept_until, excluded.kept_until);
    DELETE FROM identity.users WHERE user_id = p_user_id;
    RETURN FOUND;
END
$$;

-- What isn't needed any more, a thousand rows of each kind at most, so that nobody waits for it: revocations, hashes of
-- the erased, sessions that ended before p_unused_since, and people with a mail address (not staff) who weren't here
-- since then. How many rows went.
CREATE FUNCTION identity.forget(p_unused_since timestamptz) RETURNS bigint
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
            WHERE created_at < p_unused_since AND email IS NOT NULL AND roles = '{viewer}'
              AND NOT EXISTS (SELECT FROM identity.sessions s WHERE s.user_id = u.user_id) LIMIT 1000) RETURNING 1)
    SELECT (SELECT count(*) FROM revocations) + (SELECT count(*) FROM erased)
         + (SELECT count(*) FROM sessions) + (SELECT count(*) FROM people)
$$;
CREATE INDEX revocations_expires_at ON identity.revocations (expires_at);
CREATE INDEX erased_kept_until ON identity.erased (kept_until);
CREATE INDEX sessions_expires_at ON identity.sessions (expires_at);
CREATE INDEX users_created_at ON identity.users (created_at);
REVOKE ALL ON FUNCTION identity.is_erased, identity.erase, identity.forget FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.is_erased, identity.erase, identity.forget TO vote_identity;
GRANT SELECT, INSERT ON identity.revocations TO vote_identity;

RESET ROLE;
