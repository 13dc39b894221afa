"""What tests of the DBA's scripts share."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from pytest_postgresql.executors.noop import NoopExecutor

from ops.rig.database import PASSWORD, Database
from ops.rig.postgres import RunningPostgres


@pytest.fixture(scope="module")
def ledger(database_server: RunningPostgres, postgresql_noproc: NoopExecutor) -> Iterator[Database]:
    """A database that the tests of a module share; their events don't touch each other."""
    name, template = sql.Identifier("dba_scripts"), sql.Identifier(str(postgresql_noproc.template_dbname))
    with psycopg.connect(database_server.database.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, template))
        yield Database(database_server.server.url("postgres", PASSWORD, "dba_scripts"))
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def dba(ledger: Database) -> Iterator[psycopg.Connection]:
    """A superuser's connection to it, in autocommit."""
    with psycopg.connect(ledger.url(), autocommit=True) as connection:
        yield connection
