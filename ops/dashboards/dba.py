"""For the DBA: what Postgres and Redis say of themselves (`./ops/up --observe`), and what the slot costs."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from ops.dashboards import objectives
from ops.dashboards.panels import (
    BYTES,
    NUMBER,
    SECONDS,
    SHARE,
    AnyPanel,
    Query,
    dashboard,
    graph,
    latency,
    number,
    rate,
    rates,
    states,
)

OLDEST = Query("max(vote_pg_oldest_transaction_seconds)", "oldest")
SIZE = Query("max(vote_pg_database_bytes)", "on disk")
BACKUP_AGE = Query("time() - max by (instance) (vote_backup_last_unix_seconds)", "{{instance}}")
ARCHIVE_AGE = Query("time() - max by (instance) (vote_backup_wal_unix_seconds)", "{{instance}}")
PARTITIONS = Query("max(vote_pg_partitions)", "leaves")


def dba() -> Dashboard:
    """Postgres, slots, standbys, partitions, Redis."""
    about = "The ledger's Postgres and Redis."
    return dashboard("dba", "Live vote: databases", about, [*_figures(), *_wal(), *_work(), *_redis()])


def _figures() -> list[AnyPanel]:
    streaming = Query('sum(vote_pg_standbys{state="streaming"}) or vector(0)', "streaming")
    used = Query("max(vote_redis_memory_bytes / (vote_redis_memory_limit_bytes > 0))", "used")
    return [
        number("Postgres", NUMBER, Query("min(vote_pg_up)", "up"), good_from=1),
        number("Redis", NUMBER, Query("min(vote_redis_up)", "up"), good_from=1),
        number("Standbys streaming", NUMBER, streaming),
        number("Connections", NUMBER, Query("sum(vote_pg_connections)", "connections")),
        number("Oldest transaction", SECONDS, OLDEST, bad_from=300),
        number("Database", BYTES, SIZE),
        number("Partitions", NUMBER, PARTITIONS),
        number("Redis memory", SHARE, used, bad_from=objectives.MEMORY_SHARE),
    ]


def _wal() -> list[AnyPanel]:
    kept = Query("max by (slot) (vote_pg_slot_retained_bytes)", "{{slot}}")
    left = Query("vote_fanout_slot_safe_bytes >= 0", "{{instance}}")
    standbys = Query("sum by (state, sync_state) (vote_pg_standbys)", "{{state}}, {{sync_state}}")
    return [
        graph("WAL that each slot keeps", BYTES, kept),
        graph("WAL until fanout's slot is lost", BYTES, left),
        graph("WAL written a second", BYTES, rate("vote_pg_wal_bytes")),
        graph("Standbys", NUMBER, standbys),
        graph("How old the newest verified backup is", SECONDS, BACKUP_AGE, objective=26 * 3600),
        graph("How old the archived WAL is", SECONDS, ARCHIVE_AGE, objective=40),
        graph("How old the replica's reads are", SECONDS, Query("vote_replica_behind_seconds", "{{instance}}")),
        latency("cast_votes with its COMMIT", "vote_batch_seconds", objective=objectives.ACK_S),
        latency("A checkpoint of fanout", "vote_fanout_checkpoint_seconds"),
    ]


def _work() -> list[AnyPanel]:
    return [
        graph("Connections", NUMBER, Query("sum by (state) (vote_pg_connections)", "{{state}}")),
        graph("Oldest transaction", SECONDS, OLDEST, objective=300),
        rates("Deadlocks", rate("vote_pg_deadlocks")),
        graph("Database", BYTES, SIZE),
        graph("Partitions", NUMBER, PARTITIONS),
        graph("Autovacuum", NUMBER, Query("max(vote_pg_autovacuum_running)", "workers")),
    ]


def _redis() -> list[AnyPanel]:
    used, limit = Query("max(vote_redis_memory_bytes)", "used"), Query("max(vote_redis_memory_limit_bytes)", "limit")
    return [
        graph("Redis: memory", BYTES, used, limit),
        rates("Redis: commands", rate("vote_redis_commands")),
        graph("Redis: clients", NUMBER, Query("max(vote_redis_clients)", "clients")),
        states("Up", Query("vote_pg_up", "Postgres"), Query("vote_redis_up", "Redis")),
    ]
