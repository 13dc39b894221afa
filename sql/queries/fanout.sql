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
-- All events with the moment of their last change.
SELECT event_no, event_id::text, status, (extract(epoch FROM status_at) * 1000000)::bigint AS status_us
FROM events;

-- name: tallies
-- The counts at the checkpoint.
SELECT event_no, contestant_no, votes
FROM tallies;

-- name: some_tallies
-- The counts at the checkpoint of the events from first_no to last_no, at most rows_max of them.
SELECT event_no, contestant_no, votes
FROM tallies
WHERE event_no BETWEEN :first_no::int AND :last_no::int
LIMIT :rows_max::int;

-- name: slot_blockers
-- The transactions that a walsender waits for before it can make a slot: those that were running when it began. The
-- role sees who runs them, not what they do.
SELECT blocker.pid, coalesce(usename, 'a prepared transaction') AS who, coalesce(application_name, '') AS application
FROM unnest(pg_blocking_pids(:walsender_pid)) AS blocker (pid)
LEFT JOIN pg_stat_activity AS activity USING (pid);

-- name: wal_end
-- A position in the WAL; every commit before this statement lies before it.
SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn AS lsn;

-- name: import_snapshot
-- From here on see what the creation of a slot saw. A utility statement takes no parameters from the server, so the
-- client has to write the value into it.
SET TRANSACTION SNAPSHOT :snapshot;

-- name: ledger_events
-- The numbers of all events that may have votes or a stored tally, also of archived ones.
SELECT event_no FROM events UNION SELECT event_no FROM tallies ORDER BY event_no;

-- name: savepoint
-- Locks that are taken from here on are let go by let_go, the snapshot stays.
SAVEPOINT one_event;

-- name: let_go
-- Lets the locks of one event go, so that a count of many never holds more than those of one.
ROLLBACK TO one_event;

-- name: attached
-- Whether an event's votes are attached to the ledger now. It goes by the catalog as it is at this moment, the snapshot of
-- the transaction plays no part in it, and it locks no table.
SELECT coalesce(pg_partition_root(to_regclass('public.votes_e' || :event_no)) = 'public.votes'::regclass, false) AS attached;

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

-- name: write_checkpoint
-- Stores counts and position together, but only while three things hold: the walsender of this writer is at the slot,
-- the stored epoch is known_epoch (0: nothing is stored), and the stored position is lower than the new one. Answers
-- whether it was stored, how many bytes of WAL lie beyond the position, and whether Postgres may take this listener for
-- a synchronous standby, for which commits wait. The arrays have an element for each count: lsns and as_of_us (Unix
-- microseconds) are those of its event's newest commit. replace_all removes every stored tally that isn't among them.
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
)
SELECT EXISTS (SELECT FROM fence) AS stored,
       pg_current_wal_flush_lsn() - ('0/0'::pg_lsn + :lsn::numeric) AS lag_bytes,
       current_setting('synchronous_standby_names') LIKE '%*%' AS may_be_standby;
