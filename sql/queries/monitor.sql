-- What the exporter asks of the ledger's server, as role vote_monitor. Each statement is named for its metric; its last
-- column is the value, those before it are the labels. None takes a lock that anybody waits for.

-- name: vote_pg_standbys
-- Physical standbys; fanout, which streams a logical slot, is none of them, nor are the receiver of the WAL's archive and
-- a base backup under way.
SELECT r.state, coalesce(r.sync_state, 'async') AS sync_state, count(*)
FROM pg_stat_replication r LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid
WHERE s.slot_type IS DISTINCT FROM 'logical' AND r.state IS NOT NULL
    AND r.application_name NOT IN ('vote_backup', 'vote_base_backup')
GROUP BY 1, 2;

-- name: vote_pg_slot_retained_bytes
-- How much of the WAL each slot keeps; a lost slot keeps nothing and isn't told.
SELECT slot_name, pg_wal_lsn_diff(
    CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn)
FROM pg_replication_slots WHERE restart_lsn IS NOT NULL ORDER BY slot_name LIMIT 100;

-- name: vote_pg_connections
-- Connections of clients by what they do, also those states in which none is.
SELECT known.state, count(a.pid)
FROM unnest(ARRAY['active', 'idle', 'idle in transaction', 'idle in transaction (aborted)']) AS known (state)
LEFT JOIN pg_stat_activity a ON a.state = known.state AND a.backend_type = 'client backend'
GROUP BY 1;

-- name: vote_pg_oldest_transaction_seconds
-- The age of the oldest transaction of a client: it holds up VACUUM and the making of slots.
SELECT coalesce(extract(epoch FROM clock_timestamp() - min(xact_start)), 0)
FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid();

-- name: vote_pg_database_bytes
-- The size of the ledger's database on disk: looks at each of its files, so it is asked seldom.
SELECT pg_database_size(current_database());

-- name: vote_pg_wal_bytes
-- The end of the WAL, in bytes since the cluster was made; a standby's replayed one.
SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END) - '0/0'::pg_lsn;

-- name: vote_pg_deadlocks
-- Deadlocks of the ledger's database since its statistics began.
SELECT deadlocks FROM pg_stat_database WHERE datname = current_database();

-- name: vote_pg_autovacuum_running
-- Workers of autovacuum, in all databases of the server.
SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker';

-- name: vote_pg_partitions
-- Leaves of partitioned tables: a scan of the catalogue, so it is asked seldom.
SELECT count(*) FROM pg_class WHERE relispartition AND relkind = 'r';
