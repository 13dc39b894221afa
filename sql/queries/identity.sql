-- What the identity process and its operator's command line run. psycopg (%(name)s), each statement autocommit.

-- name: ready
-- Whether people can be read at all: connection, schema and rights.
SELECT EXISTS (SELECT FROM identity.users) AS any_user;

-- name: find_application
-- No row once the application was deleted.
SELECT application FROM identity.applications WHERE application = %(application)s;

-- name: add_application
-- An application may register people; no change when it may already.
INSERT INTO identity.applications (application) VALUES (%(application)s) ON CONFLICT DO NOTHING;

-- name: register
-- A new person; no row when the name or the mail address is taken.
INSERT INTO identity.users (username, email, date_of_birth, password_hash, voter_seed, registered_with)
VALUES (%(username)s, %(email)s, %(date_of_birth)s, %(password_hash)s, %(voter_seed)s, %(registered_with)s)
ON CONFLICT DO NOTHING
RETURNING user_id, username, roles, voter_seed, password_hash;

-- name: find_registered_alike
-- The person whom the very same call, its password aside, registered before.
SELECT user_id, username, roles, voter_seed, password_hash FROM identity.users
WHERE lower(username COLLATE pg_c_utf8) = lower(%(username)s COLLATE pg_c_utf8)
  AND username = %(username)s AND email = %(email)s AND date_of_birth = %(date_of_birth)s
  AND registered_with = %(registered_with)s;

-- name: find_by_username
-- The person who logs in, by the name without case.
SELECT user_id, username, roles, voter_seed, password_hash FROM identity.users
WHERE lower(username COLLATE pg_c_utf8) = lower(%(username)s COLLATE pg_c_utf8);

-- name: find_by_id
-- The person whom a token names; no row when erased.
SELECT user_id, username, roles, voter_seed, password_hash FROM identity.users WHERE user_id = %(user_id)s;

-- name: start_session
-- A new family of refresh tokens; beyond ten of one person the longest unused ends.
WITH ended AS (
    DELETE FROM identity.sessions WHERE session_id IN (
        SELECT session_id FROM identity.sessions WHERE user_id = %(user_id)s ORDER BY rotated_at DESC OFFSET 9)
)
INSERT INTO identity.sessions (session_id, user_id, expires_at, current_hash)
VALUES (%(session_id)s, %(user_id)s, clock_timestamp() + make_interval(secs => %(lifetime_s)s), %(current_hash)s);

-- name: rotate_session
-- The current token is replaced by the next; no row when it isn't the current one of a live family. Of two
-- that come at once the second waits for the first and then gets no row.
UPDATE identity.sessions s
SET previous_hash = s.current_hash, current_hash = %(next_hash)s, rotated_at = clock_timestamp(),
    expires_at = clock_timestamp() + make_interval(secs => %(lifetime_s)s)
FROM identity.users u
WHERE s.session_id = %(session_id)s AND s.current_hash = %(presented_hash)s
  AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp() AND u.user_id = s.user_id
RETURNING u.user_id, u.username, u.roles, u.voter_seed, u.password_hash;

-- name: find_just_rotated
-- The previous token is honoured for ten seconds more: an honest phone may have sent it twice.
SELECT u.user_id, u.username, u.roles, u.voter_seed, u.password_hash
FROM identity.sessions s JOIN identity.users u USING (user_id)
WHERE s.session_id = %(session_id)s AND s.previous_hash = %(presented_hash)s AND s.current_hash = %(next_hash)s
  AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp()
  AND s.rotated_at > clock_timestamp() - interval '10 seconds';

-- name: revoke_session
-- A token that was used up came again: whoever holds the family's newest one is out, too.
UPDATE identity.sessions SET revoked_at = clock_timestamp()
WHERE session_id = %(session_id)s AND revoked_at IS NULL
RETURNING user_id;

-- name: put_staff
-- An operator makes a person, or gives one a new password and other roles.
INSERT INTO identity.users (username, password_hash, roles, voter_seed)
VALUES (%(username)s, %(password_hash)s, %(roles)s, %(voter_seed)s)
ON CONFLICT (lower(username COLLATE pg_c_utf8))
DO UPDATE SET password_hash = excluded.password_hash, roles = excluded.roles
RETURNING user_id;

-- name: end_sessions
-- After a new password or other roles every device has to log in again.
DELETE FROM identity.sessions WHERE user_id = %(user_id)s;

-- name: copy_voters
-- Voters in bulk, without a password: their tokens are made beside the database.
COPY identity.users (user_id, username, voter_seed) FROM STDIN;
