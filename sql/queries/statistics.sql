-- What the query process asks of the replica for statistics, sheets and the audit log, as role vote_query.

-- name: event_facts
-- What is kept of an event besides what everybody sees; closed_at: when its voting ended; voided_at: and was declared void.
SELECT e.modulus, NOT has_partition('votes', e.event_no) AS archived, e.assurance_min, e.eligible_voters, e.rehearsal, e.opened_at,
       CASE WHEN e.status IN ('closed', 'cancelled') THEN coalesce(e.closed_at, e.status_at) END AS closed_at,
       e.ballot_seal, CASE WHEN e.void_reason IS NOT NULL THEN e.status_at END AS voided_at, e.void_reason
FROM events e WHERE e.event_no = :event_no;

-- name: count_leaf
-- How many votes one leaf of an event has by minute, and by region.
SELECT minute, region, votes FROM count_leaf(:event_no, :leaf);

-- name: count_choices
-- For whom the votes of each region were, of an event that is over.
SELECT region, contestant_no, votes FROM count_choices(:event_no);

-- name: count_devices
-- On how many devices an event's votes were cast, of those in one slice of so many.
SELECT count_devices(:event_no, :slice, :slices);

-- name: count_refusals
-- How many voters of an event were refused for each reason; planned for its parameter, so of this event's partition only.
SELECT kind, count(*) FROM vote_rejections WHERE event_no = :event_no GROUP BY kind;

-- name: assurances
-- How it was known who voted, as far as evidence tells.
SELECT level, votes FROM vote_assurances WHERE event_no = :event_no;

-- name: positions
-- The position of the WAL up to which each source is counted.
SELECT k.source, k.system_id, k.timeline, k.lsn::text, k.epoch FROM fanout_checkpoint k ORDER BY k.source;

-- name: audit_log
-- A page of at most entries_max entries, newest first, those before the entry before_no (null: from the newest on), by one
-- actor, of one event (null: of any).
SELECT audit_no, rfc3339(at), actor::text, operator, role, action, event_id::text, trace_id,
       before::text, coalesce(after, nullif(details, '{}'))::text
FROM audit_log
WHERE (:actor::uuid IS NULL OR actor = :actor)
  AND (:event_id::uuid IS NULL OR event_id = :event_id)
  AND (:before_no::bigint IS NULL OR audit_no < :before_no)
ORDER BY audit_no DESC
LIMIT :entries_max;
