"""The embedded Postgres and Valkey of ops/up, as the tests run them."""

import psycopg
import redis

from ops.rig.database import Database
from ops.rig.postgres import RunningPostgres
from ops.rig.valkey import RunningValkey


def test_acked_row_survives_crash(database: Database, database_server: RunningPostgres) -> None:
    """What Postgres has committed is there after it and all its children were killed."""
    with psycopg.connect(database.url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    database_server.process.kill()
    database_server.process.start()
    with psycopg.connect(database.url()) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_postgres_is_durable_and_logical(database: Database) -> None:
    """The embedded Postgres never acks before its log is on disk, and its log can be decoded."""
    with psycopg.connect(database.url()) as connection:
        shown = {name: connection.execute("SELECT current_setting(%s)", [name]).fetchone()
                 for name in ("fsync", "synchronous_commit", "full_page_writes", "wal_level")}  # fmt: skip
    assert shown == {
        "fsync": ("on",),
        "synchronous_commit": ("on",),
        "full_page_writes": ("on",),
        "wal_level": ("logical",),
    }


def test_redis_comes_back_empty(redis_url: str, redis_server: RunningValkey) -> None:
    """A killed Valkey comes back without anything: old aggregates can't be mistaken for new ones."""
    with redis.Redis.from_url(redis_url) as client:
        client.set("tally", 1)
    redis_server.process.kill()
    redis_server.process.start()
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
