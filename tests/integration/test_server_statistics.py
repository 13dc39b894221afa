"""What the exporter reads of a real Postgres and a real Valkey, also when they are away and come back."""

import signal
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from prometheus_client import CollectorRegistry

from ops.observe.postgres_statistics import PostgresStatistics
from ops.observe.redis_statistics import RedisStatistics
from ops.observe.server_families import POSTGRES, REDIS, Server
from ops.observe.server_watch import ServerWatch
from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.eventually import eventually
from ops.rig.postgres import RunningPostgres
from ops.rig.valkey import RunningValkey


@pytest.fixture
def postgres(database: Database) -> Iterator[ServerWatch]:
    with closing(ServerWatch(POSTGRES, PostgresStatistics(database.url("vote_monitor")))) as watch:
        yield watch


def told(watch: ServerWatch, name: str, **labels: str) -> float | None:
    """A metric as it is scraped; None where it isn't told."""
    registry = CollectorRegistry()
    registry.register(watch)
    return registry.get_sample_value(name, labels)


def names(watch: ServerWatch) -> set[str]:
    return {family.name for family in watch.collect()}


def all_of(server: Server) -> set[str]:
    return {server.up.name, *(family.name for family in server.families)}


def test_postgres_says_what_stands_in_its_catalogues(
    postgres: ServerWatch, database: Database, owner: psycopg.Connection
) -> None:
    """Partitions, slots, connections, the oldest transaction, WAL and size, read by a role that sees no vote."""
    event = make_event(owner)
    owner.execute("SELECT pg_create_logical_replication_slot('some_slot', 'pgoutput')")
    with psycopg.connect(database.url("vote_query")) as reader:
        reader.execute("SELECT FROM events")
        postgres.look()
    assert names(postgres) == all_of(POSTGRES)
    leaves = owner.execute("SELECT count(*) FROM pg_class WHERE relispartition AND relkind = 'r'").fetchone()
    assert leaves
    assert event.event_no
    assert told(postgres, "vote_pg_partitions") == leaves[0] > 0
    assert told(postgres, "vote_pg_slot_retained_bytes", slot="some_slot") is not None
    assert told(postgres, "vote_pg_connections", state="idle in transaction") == 1
    assert told(postgres, "vote_pg_connections", state="idle in transaction (aborted)") == 0
    assert (told(postgres, "vote_pg_oldest_transaction_seconds") or 0) > 0
    assert (told(postgres, "vote_pg_wal_bytes_total") or 0) > 1_000_000
    assert (told(postgres, "vote_pg_database_bytes") or 0) > 1_000_000
    assert told(postgres, "vote_pg_deadlocks_total") == 0
    assert told(postgres, "vote_pg_up") == 1


def test_a_statement_that_takes_too_long_costs_its_own_metric(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cut off by the server; the others are told, and the next reading goes on with the same connection."""
    monkeypatch.setattr("ops.observe.postgres_statistics.STATEMENT_MS_MAX", 300)
    with closing(PostgresStatistics(database.url("vote_monitor"))) as statistics:
        monkeypatch.setitem(statistics._statements, "vote_pg_deadlocks", "SELECT pg_sleep(60)")
        for _ in range(2):
            assert all_of(POSTGRES) - statistics.read().keys() == {"vote_pg_up", "vote_pg_deadlocks"}


def test_postgres_goes_and_comes_back(postgres: ServerWatch, database_server: RunningPostgres) -> None:
    """While it is away it is said to be, and nothing else is; then it is read again."""
    postgres.look()
    database_server.process.kill()
    try:
        postgres.look()
        assert (told(postgres, "vote_pg_up"), names(postgres)) == (0, {"vote_pg_up"})
    finally:
        database_server.process.start()
    postgres.look()
    assert (told(postgres, "vote_pg_up"), names(postgres)) == (1, all_of(POSTGRES))


@pytest.fixture
def redis_watch(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServerWatch]:
    """Of a reader that would wait for ever, as that of Postgres does."""
    monkeypatch.setattr("ops.observe.redis_statistics.ANSWER_S_MAX", 600)
    with closing(ServerWatch(REDIS, RedisStatistics(redis_url), every_s=0.02)) as watch:
        yield watch


def test_redis_goes_hangs_and_comes_back(
    redis_watch: ServerWatch, redis_server: RunningValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Away or hanging it is said to be away, by a scrape that doesn't wait for it; then it is read again."""
    monkeypatch.setattr("ops.observe.server_watch.FRESH_S", 0.5)
    assert told(redis_watch, "vote_redis_up") == 0
    redis_watch.start()
    eventually(lambda: told(redis_watch, "vote_redis_up") == 1, "Redis is read")
    assert names(redis_watch) == all_of(REDIS)
    assert told(redis_watch, "vote_redis_memory_limit_bytes") == 512 * 1024 * 1024
    assert (told(redis_watch, "vote_redis_commands_total") or 0) > 0
    redis_server.process.send_signal(signal.SIGSTOP)
    try:
        eventually(lambda: names(redis_watch) == {"vote_redis_up"}, "a Redis that hangs is said to be away")
    finally:
        redis_server.process.send_signal(signal.SIGCONT)
    eventually(lambda: told(redis_watch, "vote_redis_up") == 1, "Redis is read again")
    redis_server.process.kill()
    try:
        eventually(lambda: told(redis_watch, "vote_redis_up") == 0, "a Redis that is away is said to be")
    finally:
        redis_server.process.start()
    eventually(lambda: told(redis_watch, "vote_redis_up") == 1, "Redis is read again")
