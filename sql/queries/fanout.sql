-- What fanout asks of Postgres, as role vote_fanout.

-- name: slot
-- The state of a replication slot of this database; no row: there is none.
SELECT confirmed_flush_lsn - '0/0'::pg_lsn AS confirmed,
       active,
       wal_status = 'lost' OR invalidation_reason IS NOT NULL AS lost
FROM pg_replication_slots
WHERE slot_name = :slot AND database = current_database();

-- name: checkpoint
-- The position up to which the stored tallies count a source; no row: nothing was ever counted.
SELECT epoch, system_id, timeline, lsn - '0/0'::pg_lsn AS lsn,
       (extract(epoch FROM written_at) * 1000000)::bigint AS written_us, digest
FROM fanout_checkpoint
WHERE source = :source;

-- name: events
-- All events, with the moment of their last status and that of their freeze (while nothing is revealed), in Unix
-- microseconds.
SELECT event_no, event_id::text, (extract(epoch FROM status_at) * 1000000)::bigint AS status_us,
       (extract(epoch FROM display_at) * 1000000)::bigint AS display_us,
       change_no, status, results_visibility, frozen, revealed
FROM events;

-- name: tallies
-- The counts at the checkpoint.
SELECT event_no, contestant_no, votes
FROM tallies;

-- name: freezes
-- The events that were frozen at the checkpoint, with the counts of that moment as a JSON object by contestant_no.
SELECT event_no, lsn - '0/0'::pg_lsn AS lsn, (extract(epoch FROM as_of) * 1000000)::bigint AS as_of_us, votes
FROM frozen_tallies;

-- name: some_tallies
-- The counts at the checkpoint of the events from first_no to last_no, at most rows_max of them; and their freezes, each
-- as a row without a contestant.
SELECT event_no, contestant_no, votes::text
FROM tallies
WHERE event_no BETWEEN :first_no::int AND :last_no::int
UNION ALL
SELECT event_no, NULL, json_build_array(lsn - '0/0'::pg_lsn, (extract(epoch FROM as_of) * 1000000)::bigint, votes)::text
FROM frozen_tallies
WHERE event_no BETWEEN :first_no::int AND :last_no::int
LIMIT :rows_max::int;

-- name: slot_blockers
-- The transactions that a walsender waits for before it can make a slot: those that were running when it began. The
-- role sees who runs them, not what they do.
SELECT blocker.pid, coalesce(usename, 'a prepared transaction') AS who, coalesce(application_name, '') AS application
FROM unnest(pg_blocking_pids(:walsender_pid)) AS blocker (pid)
LEFT JOIN pg_stat_activity AS activity USING (pid);

-- name: slot_wal
-- Where the WAL ends, and of it in bytes: what is not confirmed to the slot, what the slot keeps, and what may still be
-- written until it is invalidated (-1: there is no limit).
SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn AS wal_end,
       coalesce(greatest(pg_current_wal_flush_lsn() - confirmed_flush_lsn, 0), 0) AS lag_bytes,
       coalesce(pg_current_wal_flush_lsn() - restart_lsn, 0) AS retained_bytes,
       CASE WHEN wal_status = 'lost' THEN 0 ELSE coalesce(safe_wal_size, -1) END AS safe_bytes
FROM pg_replication_slots
WHERE slot_name = :slot;

-- name: wal_end
-- A position in the WAL; every commit before this statement lies before it.
SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn AS lsn;

-- name: import_snapshot
-- From here on see what the creation of a slot saw. A utility statement takes no parameters from the server, so the
-- client has to write the value into it.
SET TRANSACTION SNAPSHOT :snapshot;

-- name: ledger_events
-- The numbers of all events that may have votes or a stored tally, also of archived ones, and whether they are frozen.
SELECT event_no, coalesce(bool_or(frozen), false) AS frozen
FROM (SELECT event_no, frozen FROM events UNION ALL SELECT event_no, false FROM tallies) AS each
GROUP BY event_no ORDER BY event_no;

-- name: savepoint
-- Locks that are taken from here on are let go by let_go, the snapshot stays.
SAVEPOINT one_event;

-- name: let_go
-- Lets the locks of one event go, so that a count of many never holds more than those of one.
ROLLBACK TO one_event;

-- name: attached
-- Whether an event's votes are attached to the ledger now: by the catalog as it is at this moment, whatever the snapshot of
-- the transaction is; and whether that snapshot, by which rows are counted, shows this table as attached. Locks no table.
SELECT coalesce(pg_partition_root(votes_of_event) = 'public.votes'::regclass, false) AS attached,
       EXISTS (SELECT FROM pg_inherits
               WHERE inhrelid = votes_of_event AND inhparent = 'public.votes'::regclass) AS attached_then
FROM to_regclass('public.votes_e' || :event_no) AS votes_of_event;

-- name: count_event
-- Counts one event if it is attached; else (detached, archived) it keeps the tally that is stored. A sequential scan of the
-- event, seconds per ten million votes; no lock that anybody waits for, and none on another event's tables.
SELECT contestant_no, count(*) AS votes
FROM votes
WHERE event_no = :event_no::int AND :attached::boolean
GROUP BY contestant_no
UNION ALL
SELECT contestant_no, votes
FROM tallies
WHERE event_no = :event_no::int AND NOT :attached::boolean;

-- name: count_frozen
-- The counts of one event at its freeze: as they are stored, if they are believed and of this freeze; else all votes that
-- were stamped before it, which may be a batch more than had committed by then. Locks as count_event.
WITH stored AS (
    SELECT f.votes FROM frozen_tallies f JOIN events e USING (event_no)
    WHERE f.event_no = :event_no::int AND f.as_of >= e.display_at AND :believed::boolean
)
SELECT key::smallint AS contestant_no, value::bigint AS votes FROM stored, jsonb_each_text(stored.votes)
UNION ALL
SELECT contestant_no, count(*) FROM votes
WHERE event_no = :event_no::int AND :attached::boolean AND NOT EXISTS (SELECT FROM stored)
  AND voted_at < (SELECT display_at FROM events WHERE event_no = :event_no::int)
GROUP BY contestant_no;

-- name: write_checkpoint
-- Stores counts and position together, but only while three things hold: the walsender of this writer is at the slot,
-- the stored epoch is known_epoch (0: nothing is stored), and the stored position is lower than the new one. Answers
-- whether it was stored, and whether Postgres may take this listener for a synchronous standby, for which commits wait.
-- The arrays have an element for each count: lsns and as_of_us (Unix microseconds) are those of its event's newest commit.
-- freezes is a JSON array of objects, as its columns below; thawed are the events that are frozen no longer. replace_all
-- removes every stored tally and freeze that isn't among them.
WITH fence AS (
    INSERT INTO fanout_checkpoint AS stored (source, epoch, system_id, timeline, lsn, digest)
    SELECT :source, :epoch::int, :system_id::bigint, :timeline::int, '0/0'::pg_lsn + :lsn::numeric, :digest::bigint
    FROM pg_replication_slots
    WHERE slot_name = :slot AND active_pid = :walsender_pid::int
      AND (:known_epoch::int = 0 OR EXISTS (SELECT FROM fanout_checkpoint WHERE source = :source))
    ON CONFLICT (source) DO UPDATE
    SET epoch = excluded.epoch, system_id = excluded.system_id, timeline = excluded.timeline,
        lsn = excluded.lsn, digest = excluded.digest, written_at = clock_timestamp()
    WHERE stored.epoch = :known_epoch::int AND (excluded.epoch > stored.epoch OR excluded.lsn > stored.lsn)
    RETURNING source
),
counted AS (
    SELECT event_no, contestant_no, votes, '0/0'::pg_lsn + lsn AS lsn, to_timestamp(as_of_us / 1000000) AS as_of
    FROM unnest(:event_nos::int[], :contestant_nos::smallint[], :votes::bigint[], :lsns::numeric[], :as_of_us::numeric[])
         AS given (event_no, contestant_no, votes, lsn, as_of_us)
    WHERE EXISTS (SELECT FROM fence)
),
dropped AS (
    DELETE FROM tallies
    WHERE :replace_all::boolean AND EXISTS (SELECT FROM fence)
      AND NOT EXISTS (SELECT FROM counted WHERE (counted.event_no, counted.contestant_no) = (tallies.event_no, tallies.contestant_no))
),
written AS (
    INSERT INTO tallies (event_no, contestant_no, votes, lsn, as_of)
    SELECT event_no, contestant_no, votes, lsn, as_of FROM counted
    ON CONFLICT (event_no, contestant_no) DO UPDATE
    SET votes = excluded.votes, lsn = excluded.lsn, as_of = excluded.as_of
),
frozen AS (
    SELECT event_no, '0/0'::pg_lsn + lsn AS lsn, to_timestamp(as_of_us / 1000000) AS as_of, votes
    FROM jsonb_to_recordset(:freezes::jsonb) AS given (event_no int, lsn numeric, as_of_us numeric, votes jsonb)
    WHERE EXISTS (SELECT FROM fence)
),
thawed AS (
    DELETE FROM frozen_tallies
    WHERE EXISTS (SELECT FROM fence)
      AND (event_no = ANY (:thawed::int[]) OR :replace_all::boolean AND event_no NOT IN (SELECT event_no FROM frozen))
),
kept AS (
    INSERT INTO frozen_tallies (event_no, lsn, as_of, votes)
    SELECT event_no, lsn, as_of, votes FROM frozen
    ON CONFLICT (event_no) DO UPDATE
    SET lsn = excluded.lsn, as_of = excluded.as_of, votes = excluded.votes
)
SELECT EXISTS (SELECT FROM fence) AS stored,
       current_setting('synchronous_standby_names') LIKE '%*%' AS may_be_standby;
