-- 10 · Which event is it, and what is known of it?
-- Gives: the number that all other questions take; how the event went (with a void_reason it has no result,
--        and closed_at is when its voting ended); what state of the ledger is asked: the moment, and the position in the WAL
--        (on a replica: the one that it has replayed). On a replica replayed_at is its newest commit, and behind_s by how
--        many seconds what it shows may be old: 0 while it has replayed all that came and more may come; else since
--        that commit, though the primary may have been idle in between.
-- Takes: milliseconds.
-- Run:   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -v event_id="'018f…'" -f sql/audit/10_event.sql   (as vote_auditor, best on a replica)

SELECT e.event_no, e.event_id, e.event_name, e.rehearsal, e.status, e.status_at, e.void_reason, e.closed_at,
       e.opened_at, e.opens_at, e.closes_at,
       e.modulus AS partitions, NOT has_partition('votes', e.event_no) AS archived, e.key_no,
       ballot_of(e.event_no) AS ballot, encode(e.ballot_seal, 'hex') AS ballot_seal,
       clock_timestamp() AS asked_at, pg_is_in_recovery() AS on_replica,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS wal_position,
       CASE WHEN pg_is_in_recovery() THEN pg_last_xact_replay_timestamp() END AS replayed_at,
       CASE WHEN NOT pg_is_in_recovery() THEN 0
            WHEN pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
            ELSE greatest(0, ceil(extract(epoch FROM clock_timestamp()
                - coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time()))))::int
       END AS behind_s
FROM events e WHERE e.event_id = :event_id;
