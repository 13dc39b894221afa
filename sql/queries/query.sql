-- What query and sse ask of the replica, as role vote_query. For asyncpg ($1, $2 …).

-- name: event
-- One event with its contestants, as JSON; no row: unknown.
SELECT json_build_object(
    'event_no', e.event_no, 'key_no', e.key_no, 'event_id', e.event_id, 'event_name', e.event_name,
    'event_description', e.event_description, 'status', e.status,
    'opens_at', to_char(e.opens_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'closes_at', to_char(e.closes_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'results_visibility', e.results_visibility, 'captcha', e.captcha,
    'contestants', coalesce((
        SELECT json_agg(json_build_object(
            'contestant_no', c.contestant_no, 'contestant_id', c.contestant_id, 'contestant_name', c.contestant_name,
            'contestant_description', c.contestant_description, 'contestant_image_url', c.contestant_image_url, 'party', c.party) ORDER BY c.contestant_no)
        FROM contestants c WHERE c.event_no = e.event_no), '[]'))::text
FROM events e WHERE e.event_id = $1;

-- name: events
-- A page of events as JSON, newest first. $1 status or null  $2 whether drafts are shown
-- $3 the event after which the page begins, or null  $4 how many at most
SELECT json_build_object(
    'event_id', event_id, 'event_name', event_name, 'event_description', event_description, 'status', status,
    'opens_at', to_char(opens_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'closes_at', to_char(closes_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'results_visibility', results_visibility, 'captcha', captcha)::text
FROM events
WHERE ($1::text IS NULL OR status = $1)
  AND ($2::boolean OR status <> 'draft')
  AND ($3::uuid IS NULL OR event_no < (SELECT event_no FROM events WHERE event_id = $3))
ORDER BY event_no DESC
LIMIT $4;

-- name: checkpointed_tallies
-- The tallies of events at each source's checkpoint, as JSON that reads like what fanout writes to Redis.
SELECT json_build_object(
    'event_id', e.event_id, 'source', k.source, 'epoch', k.epoch, 'lsn', (counted.lsn - '0/0')::bigint, 'status', e.status,
    'as_of', to_char(counted.as_of AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'counts', counted.votes)::text
FROM events e CROSS JOIN fanout_checkpoint k
CROSS JOIN LATERAL (
    SELECT coalesce(max(lsn), '0/0') AS lsn, coalesce(max(as_of), 'epoch') AS as_of,
           coalesce(json_object_agg(contestant_no, votes) FILTER (WHERE contestant_no IS NOT NULL), '{}') AS votes
    FROM tallies WHERE event_no = e.event_no
) counted
WHERE e.event_id = ANY ($1::uuid[]);

-- name: attempt
-- What the ledger knows of one voter in one event; no row: no such event. Goes by primary keys, into the partitions
-- of this event only (the role plans each call for its parameters).
SELECT e.event_id::text, e.event_name, e.key_no,
       EXISTS (SELECT FROM votes v WHERE v.event_no = $1 AND v.voter = $2) AS accepted,
       EXISTS (SELECT FROM vote_rejections r WHERE r.event_no = $1 AND r.voter = $2 AND r.kind = $3) AS refused
FROM events e WHERE e.event_no = $1;

-- name: voter_of
-- What stands for a user in one event, by the number of the event; null: no such user.
SELECT identity.voter_of($1, $2);

-- name: voted_at
-- When a voter's vote in one event was accepted; no row: there is none. By the primary key, as above.
SELECT voted_at FROM votes WHERE event_no = $1 AND voter = $2;

-- name: wal_end
-- Where the WAL ends here, or how far it was replayed, for each source that this server is the origin of: whatever
-- an earlier statement saw lies before. On a primary a row is seen only after its commit was flushed.
SELECT k.source, k.system_id, k.timeline,
       (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END - '0/0')::bigint AS lsn
FROM fanout_checkpoint k;

-- name: alive
-- Whether the server answers.
SELECT 1;
