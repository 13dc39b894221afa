-- vote_monitor: who reads the server's statistics for ops/observe, and nothing of the ledger.
-- Run as a superuser. Locks: none that anybody waits for. Takes: milliseconds. To undo: DROP OWNED BY and DROP ROLE.
-- pg_read_all_stats is less than pg_monitor, which also reads settings (a standby's primary_conninfo holds a password) and
-- scans tables. It shows the text of others' statements, in which no value stands: drivers send those apart.

DO $$
BEGIN
    CREATE ROLE vote_monitor NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- another database of this cluster has it already
END
$$;

-- Whoever looks why all connections are taken must still get one.
GRANT pg_read_all_stats, pg_use_reserved_connections TO vote_monitor;
ALTER ROLE vote_monitor SET default_transaction_read_only = on;
