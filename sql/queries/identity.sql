-- What the identity process and its operator's command line run in the identity database, as role vote_identity, each
-- statement in autocommit.

-- name: ready
-- Whether people can be read at all: connection, schema and rights.
SELECT EXISTS (SELECT FROM identity.users) AS any_user;

-- name: find_application
-- Whether an application may register people; no row: it was deleted, or never entered, or entered anew after it got
-- its token (issued_at, Unix seconds by the clock of who made it): who was shut out stays out.
SELECT application FROM identity.applications
WHERE application = :application AND created_at <= to_timestamp(:issued_at) + interval '1 minute';

-- name: add_application
-- Lets an application register people; changes nothing when it may already.
INSERT INTO identity.applications (application) VALUES (:application) ON CONFLICT DO NOTHING;

-- name: applications
-- The applications that may register people, and since when.
SELECT application, created_at FROM identity.applications ORDER BY application;

-- name: remove_application
-- Shuts an application out: its tokens answer 404; no row: there is none of this name.
DELETE FROM identity.applications WHERE application = :application RETURNING application;

-- name: burn_challenge
-- Takes a solution once for ever; no row: it was taken before. Some of those that expired an hour ago or more make room,
-- more than come in; an hour, since the clock of whoever checked the expiry may be another.
WITH gone AS (
    DELETE FROM identity.burned_challenges WHERE challenge_id IN (
        SELECT challenge_id FROM identity.burned_challenges
        WHERE expires_at < clock_timestamp() - interval '1 hour' ORDER BY expires_at LIMIT 20 FOR UPDATE SKIP LOCKED)
)
INSERT INTO identity.burned_challenges (challenge_id, expires_at) VALUES (:challenge_id, to_timestamp(:expires_at))
ON CONFLICT DO NOTHING
RETURNING challenge_id;

-- name: register
-- A new person; no row when the name, one that looks like it or the mailbox is taken, the challenge has its person, or the
-- account was erased not long ago.
INSERT INTO identity.users (username, skeleton, email, mailbox, date_of_birth, password_hash, voter_seed, registered_with)
SELECT :username, :skeleton, :email, :mailbox, :date_of_birth::date, :password_hash, :voter_seed::bytea, :registered_with
WHERE NOT identity.is_erased(:identity_hash)
ON CONFLICT DO NOTHING
RETURNING user_id, username, roles, voter_seed, password_hash, created_at;

-- name: find_registered_alike
-- The person whom the same call registered before; the caller compares the password.
SELECT user_id, username, roles, voter_seed, password_hash, created_at FROM identity.users
WHERE identity.folded(username) = identity.folded(:username)
  AND username = :username AND email = :email AND date_of_birth = :date_of_birth
  AND registered_with = :registered_with;

-- name: find_registered_with
-- Whether the Bearer of a solved challenge has registered somebody.
SELECT user_id FROM identity.users
WHERE registered_with = :registered_with AND starts_with(registered_with, 'challenge:');

-- name: find_by_username
-- The person who logs in, by the folded name.
SELECT user_id, username, roles, voter_seed, password_hash, created_at FROM identity.users
WHERE identity.folded(username) = identity.folded(:username);

-- name: find_by_id
-- The person whom a token names; no row when erased.
SELECT user_id, username, roles, voter_seed, password_hash, created_at FROM identity.users WHERE user_id = :user_id;

-- name: start_session
-- Starts a family of refresh tokens and tells how many others ended: beyond sessions_max the one that was unused for
-- longest makes room, after those that are dead already. No assurance given: the person knows the password. Roles as they
-- are now: whoever takes one away waits for this, or this for them, and then ends the session or is seen here. No row: the
-- person was erased, or has another password than the one that was shown, if any was.
WITH person AS (
    SELECT user_id, roles FROM identity.users
    WHERE user_id = :user_id AND (:password_hash::text IS NULL OR password_hash = :password_hash) FOR SHARE
), ended AS (
    DELETE FROM identity.sessions WHERE session_id IN (
        SELECT session_id FROM identity.sessions WHERE user_id = (SELECT user_id FROM person)
        ORDER BY revoked_at IS NULL AND expires_at > clock_timestamp() DESC, rotated_at DESC
        OFFSET :sessions_max - 1)
    RETURNING revoked_at IS NULL AND expires_at > clock_timestamp() AS alive
)
INSERT INTO identity.sessions (session_id, user_id, expires_at, current_hash, device, factor_at, assurance)
SELECT :session_id, user_id, clock_timestamp() + make_interval(secs => :lifetime_s), :current_hash, :device,
    CASE WHEN :proven THEN clock_timestamp() END,
    coalesce(:assurance::text, CASE WHEN EXISTS (
        SELECT FROM identity.mail_confirmations c WHERE c.user_id = person.user_id AND confirmed_at IS NOT NULL)
    THEN 'mail' ELSE 'password' END)
FROM person
RETURNING assurance, (SELECT count(*) FROM ended WHERE alive) AS ended, (SELECT roles FROM person) AS roles,
    EXISTS (SELECT FROM identity.factors WHERE user_id = :user_id AND confirmed_at IS NOT NULL) AS has_factor;

-- name: rotate_session
-- Replaces the current token of a live family by the next, one step on; no row: the presented token is not the current one, or the
-- family has ended. Of two calls with the same token the second waits for the first and then gets no row.
UPDATE identity.sessions s
SET current_hash = :next_hash, rotated_at = clock_timestamp(),
    earlier_rotations = (s.rotated_at || s.earlier_rotations)[1 : :rotations_max - 1],
    expires_at = clock_timestamp() + make_interval(secs => :lifetime_s)
FROM identity.users u
WHERE s.session_id = :session_id AND s.current_hash = :presented_hash
  AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp() AND u.user_id = s.user_id
RETURNING u.user_id, u.username, u.roles, u.voter_seed, u.password_hash, u.created_at, 1 AS steps, s.assurance,
    s.factor_at IS NOT NULL AS proven,
    EXISTS (SELECT FROM identity.factors f WHERE f.user_id = s.user_id AND f.confirmed_at IS NOT NULL) AS has_factor;

-- name: find_just_rotated
-- Honours a token for ten seconds after its use, since an honest phone may have sent it twice. following_hashes are of
-- those that come after it: as many rotations as there are up to the current one is its use ago.
SELECT u.user_id, u.username, u.roles, u.voter_seed, u.password_hash, u.created_at, f.steps, s.assurance,
    s.factor_at IS NOT NULL AS proven,
    EXISTS (SELECT FROM identity.factors k WHERE k.user_id = s.user_id AND k.confirmed_at IS NOT NULL) AS has_factor
FROM identity.sessions s JOIN identity.users u USING (user_id),
    LATERAL (SELECT array_position(:following_hashes::bytea[], s.current_hash) AS steps) f
WHERE s.session_id = :session_id
  AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp()
  AND (s.rotated_at || s.earlier_rotations)[f.steps] > clock_timestamp() - interval '10 seconds';

-- name: revoke_session
-- Ends a family when a token that was used up comes again: the holder of its newest token has to log in anew, too.
UPDATE identity.sessions SET revoked_at = clock_timestamp()
WHERE session_id = :session_id AND revoked_at IS NULL
RETURNING user_id;

-- name: open_sessions
-- A person's sessions that go on, the last used first.
SELECT session_id, started_at, rotated_at, device FROM identity.sessions
WHERE user_id = :user_id AND revoked_at IS NULL AND expires_at > clock_timestamp()
ORDER BY rotated_at DESC;

-- name: is_revoked
-- Whether access tokens of this session or person are refused.
SELECT EXISTS (SELECT FROM identity.revocations WHERE revoked_id IN (:session_id::uuid, :user_id::uuid)) AS revoked;

-- name: end_session
-- Ends one session of a person, which revokes its tokens; no row: there is none to end.
UPDATE identity.sessions SET revoked_at = clock_timestamp()
WHERE session_id = :session_id AND user_id = :user_id AND revoked_at IS NULL
RETURNING session_id;

-- name: revoke
-- Has all tokens of a session refused, also of one that is in no table; expires_at is the end of the last, Unix seconds.
INSERT INTO identity.revocations (revoked_id, expires_at) VALUES (:session_id, to_timestamp(:expires_at::float8))
ON CONFLICT DO NOTHING;

-- name: personal_data
-- All that is stored of a person, the seed and the password's hash aside.
SELECT u.username, u.email, u.date_of_birth, u.created_at, u.roles, m.confirmed_at AS email_confirmed_at, f.issuer, f.subject
FROM identity.users u LEFT JOIN identity.mail_confirmations m USING (user_id) LEFT JOIN identity.federated f USING (user_id)
WHERE u.user_id = :user_id;

-- name: erase
-- Erases a person, and keeps the hash of who it was for so many seconds. Whether there was one.
SELECT identity.erase(:user_id, :identity_hash, clock_timestamp() + make_interval(secs => :kept_s)) AS erased;

-- name: forget
-- Deletes what isn't needed any more, some of it at a time; how many rows.
SELECT identity.forget(clock_timestamp() - make_interval(secs => :unused_s)) AS rows;

-- name: use_id_token
-- Uses up an id_token; no row: it was used before. A token is taken for minutes only, so what is kept for a day is enough.
WITH forgotten AS (
    DELETE FROM identity.used_id_tokens WHERE proof IN (
        SELECT proof FROM identity.used_id_tokens WHERE used_at < clock_timestamp() - interval '1 day'
        LIMIT 100 FOR UPDATE SKIP LOCKED)
)
INSERT INTO identity.used_id_tokens (proof) VALUES (:proof) ON CONFLICT DO NOTHING RETURNING proof;

-- name: find_outside_person
-- The person whom an issuer means; no row: never seen, or erased.
SELECT u.user_id, u.username, u.roles, u.voter_seed, u.password_hash, u.created_at
FROM identity.federated f JOIN identity.users u USING (user_id)
WHERE f.issuer = :issuer AND f.subject = :subject;

-- name: add_outside_person
-- A new person, whom an issuer means; no row: whose account was erased not long ago. Fails when another call has just made the same one: then find_outside_person.
WITH made AS (
    INSERT INTO identity.users (username, voter_seed)
    SELECT :username, :voter_seed::bytea WHERE NOT identity.is_erased(:identity_hash)
    RETURNING user_id, username, roles, voter_seed, password_hash, created_at
), known AS (
    INSERT INTO identity.federated (issuer, subject, user_id) SELECT :issuer, :subject::text[], user_id FROM made
)
SELECT user_id, username, roles, voter_seed, password_hash, created_at FROM made;

-- name: claim_confirmation
-- The mail address of a person to whom a mail may be sent now: two minutes apart, five a day. No row: not now, or never.
INSERT INTO identity.mail_confirmations AS m (user_id)
SELECT user_id FROM identity.users WHERE user_id = :user_id AND email IS NOT NULL
ON CONFLICT (user_id) DO UPDATE
SET sent_at = clock_timestamp(),
    sent = CASE WHEN m.sent_at < clock_timestamp() - interval '1 day' THEN 1 ELSE m.sent + 1 END
WHERE m.confirmed_at IS NULL AND m.sent_at < clock_timestamp() - interval '2 minutes'
  AND (m.sent < 5 OR m.sent_at < clock_timestamp() - interval '1 day')
RETURNING (SELECT email FROM identity.users u WHERE u.user_id = m.user_id);

-- name: confirmation_state
-- Why no mail was sent.
SELECT u.email IS NOT NULL AS has_address, m.confirmed_at IS NOT NULL AS confirmed
FROM identity.users u LEFT JOIN identity.mail_confirmations m USING (user_id) WHERE user_id = :user_id;

-- name: confirm_mail
-- Confirms the address that a link was sent to, once; sessions by password are worth more from their next refresh on.
WITH confirmed AS (
    INSERT INTO identity.mail_confirmations AS m (user_id, sent, confirmed_at)
    SELECT user_id, 0, clock_timestamp() FROM identity.users
    WHERE user_id = :user_id AND sha256(convert_to(email, 'UTF8')) = :address_hash
    ON CONFLICT (user_id) DO UPDATE SET confirmed_at = excluded.confirmed_at WHERE m.confirmed_at IS NULL
    RETURNING user_id
), raised AS (
    UPDATE identity.sessions s SET assurance = 'mail' FROM confirmed c
    WHERE s.user_id = c.user_id AND s.assurance = 'password'
)
SELECT user_id FROM confirmed;

-- name: put_person
-- Makes a person, or gives the one of this name a new password.
INSERT INTO identity.users (username, skeleton, password_hash, voter_seed)
VALUES (:username, :skeleton, :password_hash, :voter_seed)
ON CONFLICT (identity.folded(username)) DO UPDATE SET password_hash = excluded.password_hash
RETURNING user_id;

-- name: staff
-- The people with a role, and how many of their sessions go on.
SELECT user_id, username, roles, created_at,
    EXISTS (SELECT FROM identity.factors f WHERE f.user_id = u.user_id AND f.confirmed_at IS NOT NULL) AS second_factor,
    (SELECT count(*) FROM identity.sessions s
     WHERE s.user_id = u.user_id AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp()) AS sessions
FROM identity.users u WHERE roles <> '{viewer}' ORDER BY username;

-- name: change_role
-- Gives a person a role or takes it away, in the log and with what follows from it. SQLSTATE VI404: no such person; VI409: it
-- is the last admin.
SELECT identity.change_role(:user_id, :role, :has, :actor, :actor_role, :trace_id) AS roles;

-- name: end_sessions
-- Ends all sessions of a person, which revokes their tokens.
UPDATE identity.sessions SET revoked_at = clock_timestamp()
WHERE user_id = :user_id AND revoked_at IS NULL AND expires_at > clock_timestamp()
RETURNING session_id;

-- name: log
-- Says in the log who did what to whom; in the same transaction as what was done.
INSERT INTO identity.audit_log (actor, role, action, user_id, before, after, trace_id)
VALUES (:actor, :actor_role, :action, :user_id, :before, :after, :trace_id);

-- name: read_log
-- What was done to staff, newest first: the page before the row `before_no`.
SELECT audit_no, at, actor, role, action, user_id, before, after, trace_id FROM identity.audit_log
WHERE audit_no < :before_no ORDER BY audit_no DESC LIMIT :page;

-- name: factor_state
-- What a session that goes on may do about second factors: `fresh` since a login, `shown` since a factor, each within ten
-- minutes; `has_any`: there is something that can be shown. No row: no such session.
SELECT u.username, u.roles, s.started_at > clock_timestamp() - interval '10 minutes' AS fresh,
    coalesce(s.factor_at > clock_timestamp() - interval '10 minutes', false) AS shown,
    EXISTS (SELECT FROM identity.factors f WHERE f.user_id = s.user_id AND f.confirmed_at IS NOT NULL)
        OR EXISTS (SELECT FROM identity.recovery_codes r WHERE r.user_id = s.user_id) AS has_any
FROM identity.sessions s JOIN identity.users u USING (user_id)
WHERE s.session_id = :session_id AND s.user_id = :user_id AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp();

-- name: factors
-- A person's second factors, those that weren't confirmed yet included.
SELECT factor_id, kind, name, created_at, confirmed_at, last_used_at, counter, credential_id, secret
FROM identity.factors WHERE user_id = :user_id ORDER BY created_at;

-- name: add_factor
-- A new second factor, in the place of what was begun and never confirmed; no row: the person has ten, or another has this
-- passkey.
WITH begun AS (
    DELETE FROM identity.factors WHERE user_id = :user_id AND confirmed_at IS NULL
)
INSERT INTO identity.factors (factor_id, user_id, kind, name, secret, credential_id, counter, confirmed_at)
SELECT :factor_id::uuid, :user_id::uuid, :kind::text, :factor_name::text, :secret::bytea, :credential_id::bytea, :counter::bigint,
       CASE WHEN :kind = 'passkey' THEN clock_timestamp() END
WHERE (SELECT count(*) FROM identity.factors WHERE user_id = :user_id AND confirmed_at IS NOT NULL) < 10
ON CONFLICT DO NOTHING
RETURNING factor_id;

-- name: use_factor
-- Takes a code or a signature once: of two calls with the same one the second waits for the first and gets no row. A passkey
-- that doesn't count says 0 for ever.
UPDATE identity.factors
SET counter = :counter, last_used_at = clock_timestamp(), confirmed_at = coalesce(confirmed_at, clock_timestamp())
WHERE factor_id = :factor_id AND (counter < :counter OR (kind = 'passkey' AND counter = 0 AND :counter = 0))
RETURNING factor_id;

-- name: remove_factor
-- Removes a second factor; no row: the person has none of this id.
DELETE FROM identity.factors WHERE factor_id = :factor_id AND user_id = :user_id RETURNING kind, name;

-- name: remove_factors
-- Removes all second factors of a person.
DELETE FROM identity.factors WHERE user_id = :user_id RETURNING kind, name;

-- name: remove_recovery_codes
-- Has no recovery code of a person taken any more.
DELETE FROM identity.recovery_codes WHERE user_id = :user_id;

-- name: add_recovery_codes
-- Has these taken, each once.
INSERT INTO identity.recovery_codes (user_id, code_hash) SELECT :user_id, unnest(:code_hashes::bytea[]);

-- name: take_recovery_code
-- Takes a recovery code; no row: it is none, or was taken.
DELETE FROM identity.recovery_codes WHERE user_id = :user_id AND code_hash = :code_hash RETURNING code_hash;

-- name: count_code_try
-- Counts a code that is tried for a person, before it is looked at; no row: too many in a day.
INSERT INTO identity.code_tries AS t (user_id) VALUES (:user_id)
ON CONFLICT (user_id) DO UPDATE
SET tries = CASE WHEN t.since < clock_timestamp() - interval '1 day' THEN 1 ELSE t.tries + 1 END,
    since = CASE WHEN t.since < clock_timestamp() - interval '1 day' THEN clock_timestamp() ELSE t.since END
WHERE t.tries < :tries_max OR t.since < clock_timestamp() - interval '1 day'
RETURNING tries;

-- name: forget_code_tries
-- The owner was there: nothing is held against the account any more.
DELETE FROM identity.code_tries WHERE user_id = :user_id;

-- name: mark_proven
-- Says that a second factor was shown in a session; no row: it has ended.
UPDATE identity.sessions SET factor_at = clock_timestamp()
WHERE session_id = :session_id AND user_id = :user_id AND revoked_at IS NULL AND expires_at > clock_timestamp()
RETURNING session_id;

-- name: copy_voters
-- Takes voters in bulk. They have no password: the operator makes their tokens without a login.
COPY identity.users (user_id, username, skeleton, voter_seed, created_at) FROM STDIN;

-- name: copy_canary_sessions
-- Takes the sessions of canaries in bulk; they are all that canaries have to log in with.
COPY identity.sessions (session_id, user_id, expires_at, current_hash, device, assurance) FROM STDIN;

-- name: people_after
-- People in the order of their ids, a page at a time, with what makes them alike to others.
SELECT user_id, username, email, skeleton, mailbox FROM identity.users
WHERE user_id > :user_id ORDER BY user_id LIMIT :page;

-- name: set_likeness
-- What a person's name looks like, and the mailbox of the address. SQLSTATE 23505: somebody else has one of them.
UPDATE identity.users SET skeleton = :skeleton, mailbox = :mailbox WHERE user_id = :user_id;
