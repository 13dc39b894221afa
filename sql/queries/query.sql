-- What query and sse ask of the replica, as role vote_query.

-- name: event
-- One event with its contestants, as JSON; no row: unknown. asked: what waits for a second person, or did until lately.
SELECT json_build_object(
    'event_no', e.event_no, 'key_no', e.key_no, 'event_id', e.event_id, 'event_name', e.event_name,
    'event_description', e.event_description, 'status', e.status,
    'opens_at', rfc3339(e.opens_at), 'closes_at', rfc3339(e.closes_at),
    'results_visibility', e.results_visibility, 'captcha', e.captcha, 'assurance_min', e.assurance_min,
    'rehearsal', e.rehearsal, 'change_no', e.change_no, 'frozen', e.frozen, 'revealed', e.revealed,
    'two_person', e.two_person, 'short_code', e.short_code, 'theme', coalesce(e.theme, '{}'),
    'expected_votes', e.expected_votes, 'eligible_voters', e.eligible_voters, 'void_reason', e.void_reason,
    'asked', (
        SELECT json_build_object('action', a.action, 'asked_by', a.asked_by, 'role', a.role, 'reason', a.reason,
                                 'expires_at', rfc3339(a.expires_at))
        FROM confirmations a
        WHERE a.event_no = e.event_no AND a.expires_at > clock_timestamp() - interval '10 minutes'
          AND (a.action, e.status) IN (('cancel', 'open'), ('cancel', 'paused'), ('void', 'closed'))),
    'contestants', coalesce((
        SELECT json_agg(json_build_object(
            'contestant_no', c.contestant_no, 'contestant_id', c.contestant_id, 'contestant_name', c.contestant_name,
            'contestant_description', c.contestant_description, 'contestant_image_url', c.contestant_image_url, 'party', c.party) ORDER BY c.order_no)
        FROM contestants c WHERE c.event_no = e.event_no), '[]'))::text
FROM events e WHERE e.event_id = :event_id;

-- name: events
-- A page of at most events_max events as JSON, newest first, beginning behind the event after_id (null: with the newest);
-- those of one status (null: of any), drafts only if with_drafts. Canaries' own events are nobody's business.
SELECT json_build_object(
    'event_id', event_id, 'event_name', event_name, 'event_description', event_description, 'status', status,
    'opens_at', rfc3339(opens_at), 'closes_at', rfc3339(closes_at),
    'results_visibility', results_visibility, 'captcha', captcha, 'assurance_min', assurance_min,
    'rehearsal', rehearsal)::text
FROM events
WHERE (:status::text IS NULL OR status = :status)
  AND (:with_drafts::boolean OR status <> 'draft')
  AND assurance_min <> 'canary'
  AND (:after_id::uuid IS NULL OR event_no < (SELECT event_no FROM events WHERE event_id = :after_id))
ORDER BY event_no DESC
LIMIT :events_max;

-- name: opened_events
-- A page of at most events_max events in which anybody can have voted, newest first, beginning behind the event after_id
-- (null: with the newest). Canaries' own events are nobody's business.
SELECT event_no, key_no, event_id::text, event_name
FROM events
WHERE status NOT IN ('draft', 'scheduled')
  AND assurance_min <> 'canary'
  AND (:after_id::uuid IS NULL OR event_no < (SELECT event_no FROM events WHERE event_id = :after_id))
ORDER BY event_no DESC
LIMIT :events_max;

-- name: checkpointed_tallies
-- The tallies of events at each source's checkpoint, as JSON of the shape that fanout writes to Redis. Of a frozen event the
-- public sees what is stored of its freeze, or what was counted before it; without either, nothing is known.
SELECT json_build_object(
    'event_id', e.event_id, 'source', k.source, 'epoch', k.epoch, 'lsn', (counted.lsn - '0/0')::bigint, 'status', e.status,
    'as_of', rfc3339(counted.as_of), 'counts', counted.votes,
    'change_no', e.change_no, 'visibility', e.results_visibility, 'frozen', e.frozen, 'revealed', e.revealed,
    'freeze', CASE
        WHEN NOT e.frozen THEN NULL
        WHEN f.event_no IS NOT NULL THEN json_build_object(
            'lsn', (f.lsn - '0/0')::bigint, 'as_of', rfc3339(f.as_of), 'counts', f.votes)
        WHEN counted.as_of < e.display_at THEN json_build_object(
            'lsn', (counted.lsn - '0/0')::bigint, 'as_of', rfc3339(counted.as_of), 'counts', counted.votes)
    END)::text
FROM events e CROSS JOIN fanout_checkpoint k LEFT JOIN frozen_tallies f USING (event_no)
CROSS JOIN LATERAL (
    SELECT coalesce(max(lsn), '0/0') AS lsn, coalesce(max(as_of), 'epoch') AS as_of,
           coalesce(json_object_agg(contestant_no, votes) FILTER (WHERE contestant_no IS NOT NULL), '{}') AS votes
    FROM tallies WHERE event_no = e.event_no
) counted
WHERE e.event_id = ANY (:event_ids::uuid[]);

-- name: attempt
-- Whether one voter has a vote in one event, whether a refusal of this kind is recorded, and whether either of them may be
-- archived; no row: no such event. Goes by primary keys and locks the partitions of this event only, since each call is
-- planned for its parameters.
SELECT e.event_id::text, e.event_name, e.status, e.key_no,
       EXISTS (SELECT FROM votes v WHERE v.event_no = :event_no AND v.voter = :voter) AS accepted,
       EXISTS (SELECT FROM vote_rejections r
               WHERE r.event_no = :event_no AND r.voter = :voter AND r.kind = :kind) AS refused,
       NOT (has_partition('votes', :event_no) AND has_partition('vote_rejections', :event_no)) AS archived
FROM events e WHERE e.event_no = :event_no;

-- name: voted_at
-- When a voter's vote in one event was accepted (null: there is none), and whether the votes of the event were taken out of
-- the ledger's tree (partitions/020), where no look-up finds them. By the primary key, as in attempt.
SELECT (SELECT voted_at FROM votes WHERE event_no = :event_no AND voter = :voter) AS voted_at,
       NOT has_partition('votes', :event_no) AS archived;

-- name: wal_end
-- A position in the WAL behind everything that an earlier statement has seen, for each source that this server keeps the
-- checkpoint of. On a primary it is the end of the flushed WAL, since a row is seen only after its commit was flushed;
-- on a replica the end of what was replayed. After a promotion or a restore the checkpoint's timeline is of before until
-- fanout stores one, so the server's own says what is past; a replica learns of it by the next checkpoint of the primary.
SELECT k.source, k.system_id,
       greatest(k.timeline, CASE WHEN pg_is_in_recovery() THEN (pg_control_checkpoint()).timeline_id
                                 ELSE ('x' || left(pg_walfile_name(pg_current_wal_flush_lsn()), 8))::bit(32)::int END),
       (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END - '0/0')::bigint AS lsn
FROM fanout_checkpoint k;

-- name: behind
-- How old what this server shows is, in seconds. A replica that has replayed all that came, while more may come, is up to
-- date, however long ago the last commit was. Where another server is the primary (has_primary), one that isn't in
-- recovery was promoted beside it, and gets nothing any more.
SELECT CASE
    WHEN NOT pg_is_in_recovery() AND NOT :has_primary THEN 0
    WHEN pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
    ELSE greatest(0, extract(epoch FROM clock_timestamp()
        - coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time())))
END::float8 AS seconds;

-- name: alive
-- Whether the server answers.
SELECT 1;

-- name: look
-- How an event presents itself, as JSON; no row: unknown, or a draft.
SELECT json_build_object(
    'event_id', event_id, 'event_name', event_name, 'status', status, 'opens_at', rfc3339(opens_at),
    'closes_at', rfc3339(closes_at), 'rehearsal', rehearsal, 'short_code', short_code,
    'theme', coalesce(theme, '{}'))::text
FROM events WHERE event_id = :event_id AND status <> 'draft';

-- name: joined_event
-- The event of a short code; no row: unknown, or a draft.
SELECT event_id::text FROM events WHERE short_code = :short_code AND status <> 'draft';
