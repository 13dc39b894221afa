"""Real servers for real tests: an embedded Postgres and Valkey per session, a migrated database per test.

`database` and `redis_url` are what most tests want. A test that kills a server asks for `database_server` or
`redis_server` itself, and leaves it running again.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg import sql
from pytest_postgresql import factories

from ops.embedded import ports
from ops.embedded.postgres_server import PostgresServer
from ops.embedded.valkey_server import ValkeyServer
from ops.migrate import migrate
from ops.rig.running_stack import stack
from ops.rig.server_process import ServerProcess
from ops.rig.voting import TokenMint

__all__ = ["stack"]

PASSWORD = "tests-only"
LOGIN = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
LOGIN_ROLES = ("vote_identity", "vote_command", "vote_fanout", "vote_query", "vote_auditor")


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the tests of random deaths go on: ./ops/test tests/adversity/test_fanout_survives.py --kills 200"""
    parser.addoption("--kills", type=int, default=12, help="how often something is killed at a random moment")


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How often something is killed at a random moment."""
    return int(request.config.getoption("kills"))


@dataclasses.dataclass
class DatabaseServer:
    """A Postgres of this session; the fields are what pytest-postgresql asks of a server."""

    process: ServerProcess
    port: int
    host: str = "127.0.0.1"
    user: str = "postgres"
    password: str = PASSWORD
    options: str = ""
    maintenance_dbname: str = "postgres"
    template_dbname: None = None


@dataclasses.dataclass
class RedisServer:
    """A Valkey of this session."""

    process: ServerProcess
    url: str


@dataclasses.dataclass(frozen=True)
class Database:
    """A migrated database of one test."""

    port: int
    name: str

    def url(self, role: str = "postgres") -> str:
        """Where this role finds it; the superuser unless another is named."""
        return f"postgresql://{role}:{PASSWORD}@127.0.0.1:{self.port}/{self.name}"


@pytest.fixture(scope="session")
def database_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    """The real thing, with its real configuration; only pg_hba.conf lets the roles into each test's database."""
    port = ports.choose(["postgres"], {})["postgres"]
    server = PostgresServer(tmp_path_factory.mktemp("postgres") / "data", port)
    server.prepare(PASSWORD)
    (server.data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    process = ServerProcess(server.command, "ready to accept connections")
    process.start()
    yield DatabaseServer(process, port)
    process.stop()


def _migrate_template(host: str, port: int, user: str, dbname: str, password: str, **_: object) -> None:
    url = f"postgresql://{user}:{password}@{host}:{port}/{dbname}"
    migrate(url)
    with psycopg.connect(url) as connection:
        for role in LOGIN_ROLES:
            connection.execute(LOGIN.format(sql.Identifier(role), PASSWORD))


postgresql_noproc = factories.postgresql_noproc(depends_on="database_server", load=[_migrate_template])
postgresql = factories.postgresql("postgresql_noproc")


@pytest.fixture
def database(postgresql: psycopg.Connection) -> Iterator[Database]:
    """A freshly migrated database; slots that the test leaves in it are dropped."""
    made = Database(postgresql.info.port, postgresql.info.dbname)
    yield made
    with psycopg.connect(made.url(), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(active_pid, 10000) FROM pg_replication_slots"
            " WHERE database = current_database() AND active"
        )
        connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()"
        )


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection]:
    """A superuser's connection to the test's database, in autocommit."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def mint(tmp_path: Path) -> TokenMint:
    """Who signs the tokens of this test."""
    return TokenMint(tmp_path)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Valkey with its real configuration."""
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"), ports.choose(["valkey"], {})["valkey"])
    server.prepare(PASSWORD)
    process = ServerProcess(server.command, "Ready to accept connections")
    process.start()
    yield RedisServer(process, server.url(PASSWORD))
    process.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """An empty Redis of this test's own."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url
