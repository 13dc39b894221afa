"""Real servers for real tests: a Postgres and a Valkey for each worker's session, a migrated database for each test.

`database` and `redis_url` are what most tests want. A test that kills a server asks for `database_server` or
`redis_server` itself, and leaves it running again; or it runs servers of its own, from ops/rig.
"""

import contextlib
import dataclasses
import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from hypothesis import HealthCheck, settings
from psycopg import sql
from pytest_postgresql import factories
from pytest_postgresql.executors.noop import NoopExecutor
from xdist.scheduler import LoadScopeScheduling

from ops.embedded import ports
from ops.embedded.program_environment import database_name, on_database
from ops.rig import python_process
from ops.rig.database import PASSWORD, Database
from ops.rig.identity_process import IdentityProcess, identity_process
from ops.rig.mail_server import MailServer, mail_server
from ops.rig.oidc_issuer import OidcIssuer, oidc_issuer
from ops.rig.people import TokenMint
from ops.rig.postgres import RunningPostgres, empty_postgres
from ops.rig.running_stack import RunningStack
from ops.rig.valkey import RunningValkey, valkey

USE_THE_STACK = ("tests/journey/", "tests/browser/")
TEST_WITHIN_S = 600  # far longer than any test takes on a crowded machine: it ends those that wait for ever

# How long an example takes says something of the machine only.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure() -> None:
    """Give each worker ports of its own, so that none takes the port of another's server that is down for a moment.

    Its servers are forked from one process, since the suite starts hundreds; `./ops/up` starts them otherwise.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    share = (ports.HIGHEST - ports.LOWEST) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports.LOWEST += worker * share
    ports.HIGHEST = ports.LOWEST + share - 1
    python_process.fork_from_now_on()


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the tests of random deaths go on: ./ops/test tests/adversity/test_fanout_survives.py --kills 200"""
    parser.addoption("--kills", type=int, default=12, help="how often something is killed at a random moment")


class StackTogether(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist ships no types
    """Gives each test to a worker that is free, but all tests of the running stack to one: it is started once."""

    def _split_scope(self, nodeid: str) -> str:
        return "stack" if nodeid.startswith(USE_THE_STACK) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> StackTogether:
    """How pytest-xdist spreads the tests."""
    return StackTogether(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """No test waits for ever: one that would fails, at the line it waits at."""

    def give_up(*_: object) -> None:
        raise TimeoutError("this test takes too long")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(TEST_WITHIN_S + 10 * int(item.config.getoption("kills")))
    try:
        return (yield)
    finally:
        signal.alarm(0)


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How often something is killed at a random moment."""
    return int(request.config.getoption("kills"))


@dataclasses.dataclass(frozen=True)
class PostgresLogin:
    """What pytest-postgresql asks of a server."""

    port: int
    host: str = "127.0.0.1"
    user: str = "postgres"
    password: str = PASSWORD
    options: str = ""
    maintenance_dbname: str = "postgres"
    template_dbname: None = None


@pytest.fixture(scope="session")
def database_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPostgres]:
    """A Postgres with its real configuration."""
    with empty_postgres(tmp_path_factory.mktemp("postgres") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def postgres_login(database_server: RunningPostgres) -> PostgresLogin:
    """The superuser's."""
    return PostgresLogin(database_server.server.port)


def _set_up_template(host: str, port: int, user: str, dbname: str, password: str, **_: object) -> None:
    Database(f"postgresql://{user}:{password}@{host}:{port}/{dbname}").set_up()


postgresql_noproc = factories.postgresql_noproc(depends_on="postgres_login", load=[_set_up_template])
postgresql = factories.postgresql("postgresql_noproc")


@pytest.fixture
def database(database_server: RunningPostgres, postgresql: psycopg.Connection) -> Iterator[Database]:
    """A freshly migrated database; slots that the test leaves in it are dropped."""
    made = Database(database_server.server.url("postgres", PASSWORD, postgresql.info.dbname))
    yield made
    with psycopg.connect(made.url(), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(active_pid, 10000) FROM pg_replication_slots"
            " WHERE database = current_database() AND active"
        )
        connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()"
        )


@contextlib.contextmanager
def _people_beside(database: Database, template: str) -> Iterator[Database]:
    """The database of people beside this one, made from the template, until the end of the block."""
    name = database_name(database.identity.url())
    made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    gone = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
    server = Database(on_database(database.url(), "postgres"))
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(made)
        # Whom a database lets in isn't copied with it.
        connection.execute(
            "UPDATE pg_database SET datacl = (SELECT datacl FROM pg_database WHERE datname = %s) WHERE datname = %s",
            [template, name],
        )
    yield database.identity
    with psycopg.connect(server.url(), autocommit=True) as connection:  # a test may have killed the server meanwhile
        connection.execute(gone)


@pytest.fixture(scope="session")
def people_template(postgresql_noproc: NoopExecutor) -> str:
    """The migrated database of people that each test's is made from."""
    return f"{postgresql_noproc.template_dbname}_identity"  # made with the ledger's


@pytest.fixture
def identity_database(database: Database, people_template: str) -> Iterator[Database]:
    """The database of people beside `database`, freshly migrated; without it whoever looks a user up finds it away."""
    with _people_beside(database, people_template) as made:
        yield made


@pytest.fixture(scope="module")
def shared_people(database_server: RunningPostgres, people_template: str) -> Iterator[Database]:
    """A database of people for the tests of a module: see `shared_identity`."""
    beside = Database(database_server.server.url("postgres", PASSWORD, "shared"))
    with _people_beside(beside, people_template) as made:
        yield made


@pytest.fixture(scope="module")
def _identity_of_module(tmp_path_factory: pytest.TempPathFactory, shared_people: Database) -> Iterator[IdentityProcess]:
    with identity_process(tmp_path_factory.mktemp("identity"), shared_people.url("vote_identity")) as process:
        yield process


@pytest.fixture
def shared_identity(_identity_of_module: IdentityProcess, shared_people: Database) -> IdentityProcess:
    """An identity process that knows nobody but applications: a module's tests share it, since its start is dear."""
    with psycopg.connect(shared_people.url()) as connection:
        connection.execute(
            "SET session_replication_role = replica;"  # the log lets nobody empty it
            " DO $$BEGIN EXECUTE (SELECT 'TRUNCATE ' || string_agg(oid::regclass::text, ', ') FROM pg_class"
            " WHERE relnamespace = 'identity'::regnamespace AND relkind = 'r' AND relname <> 'applications'); END$$"
        )
    return _identity_of_module


@pytest.fixture(scope="module")
def client_token(_identity_of_module: IdentityProcess) -> str:
    """An application's, for `shared_identity`."""
    return _identity_of_module.client_token()


@pytest.fixture
def people(identity_database: Database) -> Iterator[psycopg.Connection]:
    """A superuser's connection to that database, in autocommit."""
    with psycopg.connect(identity_database.url(), autocommit=True) as connection:
        yield connection


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
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningValkey]:
    """A Valkey with its real configuration."""
    with valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture
def redis_url(redis_server: RunningValkey) -> str:
    """An empty Redis of this test's own."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture(scope="session")
def mails() -> Iterator[MailServer]:
    """Where the stack sends its mails."""
    with mail_server() as running:
        yield running


@pytest.fixture(scope="session")
def issuer() -> Iterator[OidcIssuer]:
    """Whose people the stack lets in."""
    with oidc_issuer() as running:
        yield running


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, mails: MailServer, issuer: OidcIssuer) -> Iterator[RunningStack]:
    """One running stack, observed, for all tests that need it; who kills a part waits until all are ready again."""
    folder, edge_port = tmp_path_factory.mktemp("stack"), ports.choose(["edge"], {})["edge"]
    issuers = tmp_path_factory.mktemp("issuers") / "issuers.toml"
    issuers.write_text(issuer.settings())
    outside = {
        "OIDC_ISSUERS_FILE": str(issuers),
        "ACCESS_LOG_RATIO": "1",
        **mails.settings(f"http://127.0.0.1:{edge_port}"),
    }
    running = RunningStack(folder, edge_port, "--observe", **outside)
    with running.process.running():
        yield running
