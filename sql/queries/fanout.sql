-- What fanout asks of Postgres, as role vote_fanout. For psycopg's RawCursor ($1, $2 …).

-- name: slot
-- What is known of a replication slot of this database; no row: there is none.
SELECT confirmed_flush_lsn - '0/0'::pg_lsn AS confirmed,
       active,
       wal_status = 'lost' OR invalidation_reason IS NOT NULL AS lost
FROM pg_replication_slots
WHERE slot_name = $1 AND database = current_database();

-- name: checkpoint
-- How far the tallies in Postgres count a source; no row: nothing was ever counted.
SELECT epoch, system_id, timeline, lsn - '0/0'::pg_lsn AS lsn,
       (extract(epoch FROM written_at) * 1000000)::bigint AS written_us, digest
FROM fanout_checkpoint
WHERE source = $1;

-- name: events
-- All events with the moment of their last change.
SELECT event_no, event_id::text, status, (extract(epoch FROM status_at) * 1000000)::bigint AS status_us
FROM events;

-- name: tallies
-- The counts at the checkpoint.
SELECT event_no, contestant_no, votes
FROM tallies;

-- name: slot_blockers
-- Whom a walsender that makes a slot waits for: transactions that were running when it began. The role sees of others
-- who they are, not what they do.
SELECT blocker.pid, coalesce(usename, 'a prepared transaction') AS who, coalesce(application_name, '') AS application
FROM unnest(pg_blocking_pids($1)) AS blocker (pid)
LEFT JOIN pg_stat_activity AS activity USING (pid);

-- name: wal_end
-- Whatever was committed before this statement lies before this position.
SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn AS lsn;

-- name: import_snapshot
-- See what the creation of a slot saw; a utility statement, so its parameter is bound by the client.
SET TRANSACTION SNAPSHOT %(snapshot)s;

-- name: attached
-- The events whose votes are in the ledger's tree now, whatever the snapshot.
SELECT substring(relid::regclass::text FROM 'votes_e(\d+)$')::int AS event_no
FROM pg_partition_tree('votes') WHERE level = 1
ORDER BY 1;

-- name: plan_recount
-- Plan the count of the whole ledger. Events whose votes were detached and archived keep their last tally.
-- $1 the event_nos that are attached
DECLARE recount CURSOR FOR
SELECT event_no, contestant_no, count(*) AS votes
FROM votes
GROUP BY event_no, contestant_no
UNION ALL
SELECT event_no, contestant_no, tallies.votes
FROM tallies
WHERE event_no <> ALL ($1::int[]);

-- name: recount
-- Count it: a sequential scan of every attached event, minutes on hundreds of millions of votes, no lock that anybody
-- waits for.
FETCH ALL FROM recount;

-- name: write_checkpoint
-- Store counts and position together, if this writer's listener is at the slot, the stored epoch is the one it knows
-- and the stored position is lower. Answers whether it was stored, how many bytes of WAL lie beyond the position, and
-- whether commits may wait for this listener as for a synchronous standby.
-- $1 source  $2 epoch  $3 system identifier  $4 timeline  $5 lsn  $6 slot  $7 pid of its walsender
-- $8 epoch known (0: none)  $9 whether all tallies are replaced  $10, $11, $12 event_nos, contestant_nos, votes
-- $13, $14 LSN and Unix microseconds of each event's newest change  $15 digest of all tallies
WITH fence AS (
    INSERT INTO fanout_checkpoint AS stored (source, epoch, system_id, timeline, lsn, digest)
    SELECT $1, $2::int, $3::bigint, $4::int, '0/0'::pg_lsn + $5::numeric, $15::bigint
    FROM pg_replication_slots
    WHERE slot_name = $6 AND active_pid = $7::int
      AND ($8::int = 0 OR EXISTS (SELECT FROM fanout_checkpoint WHERE source = $1))
    ON CONFLICT (source) DO UPDATE
    SET epoch = excluded.epoch, system_id = excluded.system_id, timeline = excluded.timeline,
        lsn = excluded.lsn, digest = excluded.digest, written_at = clock_timestamp()
    WHERE stored.epoch = $8::int AND (excluded.epoch > stored.epoch OR excluded.lsn > stored.lsn)
    RETURNING source
),
counted AS (
    SELECT event_no, contestant_no, votes, '0/0'::pg_lsn + lsn AS lsn, to_timestamp(as_of_us / 1000000) AS as_of
    FROM unnest($10::int[], $11::smallint[], $12::bigint[], $13::numeric[], $14::numeric[])
         AS given (event_no, contestant_no, votes, lsn, as_of_us)
    WHERE EXISTS (SELECT FROM fence)
),
dropped AS (
    DELETE FROM tallies
    WHERE $9::boolean AND EXISTS (SELECT FROM fence)
      AND NOT EXISTS (SELECT FROM counted WHERE (counted.event_no, counted.contestant_no) = (tallies.event_no, tallies.contestant_no))
),
written AS (
    INSERT INTO tallies (event_no, contestant_no, votes, lsn, as_of)
    SELECT event_no, contestant_no, votes, lsn, as_of FROM counted
    ON CONFLICT (event_no, contestant_no) DO UPDATE
    SET votes = excluded.votes, lsn = excluded.lsn, as_of = excluded.as_of
)
SELECT EXISTS (SELECT FROM fence) AS stored,
       pg_current_wal_flush_lsn() - ('0/0'::pg_lsn + $5::numeric) AS lag_bytes,
       current_setting('synchronous_standby_names') LIKE '%*%' AS may_be_standby;
