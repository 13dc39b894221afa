"""The embedded Postgres and Valkey of ops/up, as the tests run them."""

import psycopg
import redis
from psycopg import sql

from ops.embedded.database_setup import bring_up_to_date, why_unfit
from ops.embedded.program_environment import LOGIN_ROLES
from ops.rig.database import PASSWORD, Database
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


def test_postgres_is_fit_for_the_ledger(database: Database) -> None:
    """It has what ops/up asks of an operator's."""
    assert why_unfit(database.url()) == ""


def test_ops_up_limits_the_connections_of_roles_that_have_no_limit(
    database: Database, identity_database: Database, owner: psycopg.Connection
) -> None:
    """So that one process' loss of count isn't another's; a limit that the operator gave stays."""
    roles = ("vote_identity", "vote_query", "vote_monitor", "vote_command")
    owner.execute("ALTER ROLE vote_identity CONNECTION LIMIT 99")
    try:
        bring_up_to_date(database.url(), identity_database.url(), dict.fromkeys(LOGIN_ROLES, PASSWORD))
        limits: dict[str, int] = dict(owner.execute("SELECT rolname, rolconnlimit FROM pg_roles").fetchall())
        assert [limits[role] for role in roles] == [99, 24, 2, -1]
    finally:
        for role in roles:
            owner.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT -1").format(sql.Identifier(role)))


def test_redis_comes_back_empty(redis_url: str, redis_server: RunningValkey) -> None:
    """A killed Valkey comes back without anything: old aggregates can't be mistaken for new ones."""
    with redis.Redis.from_url(redis_url) as client:
        client.set("tally", 1)
    redis_server.process.kill()
    redis_server.process.start()
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
