"""Who comes into which database of the embedded Postgres: real logins, by the real pg_hba.conf and postgresql.conf."""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import psycopg
import pytest

from ops.embedded.database_setup import make_database
from ops.embedded.program_environment import LOGIN_ROLES, on_database
from ops.embedded.stack_configuration import DATABASE
from ops.rig.database import PASSWORD, Database
from ops.rig.postgres import empty_postgres

COME_IN = {
    DATABASE: {"vote_command", "vote_fanout", "vote_query", "vote_auditor", "vote_monitor"},
    f"{DATABASE}_identity": {"vote_identity", "vote_command", "vote_query"},
    "postgres": set(),
}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The ledger of a server as ops/up configures it, with the database of people beside it."""
    with empty_postgres(tmp_path_factory.mktemp("embedded") / "data") as running:
        made = Database(running.server.url("postgres", PASSWORD, DATABASE))
        make_database(running.database.url(), DATABASE)
        made.set_up()
        running.process.stop()
        rules = resources.files("ops.embedded").joinpath("pg_hba.conf").read_text()
        Path(running.server.data, "pg_hba.conf").write_text(rules)
        running.process.start()
        yield made


def comes_in(url: str, replication: str = "false") -> bool:
    try:
        psycopg.connect(url, replication=replication).close()
    except psycopg.OperationalError as error:
        if "no pg_hba.conf entry" in str(error):
            return False
        raise
    return True


@pytest.mark.parametrize("name", COME_IN)
def test_each_role_comes_in_where_its_work_is(ledger: Database, name: str) -> None:
    """Fanout and auditors not where people are, identity not where votes are."""
    there = Database(on_database(ledger.url(), name))
    assert {role for role in LOGIN_ROLES if comes_in(there.url(role))} == COME_IN[name]


def test_fanout_decodes_the_ledger_alone(ledger: Database) -> None:
    """It may stream there and nowhere else, copy no files by a connection for that, and sees nothing of people."""
    assert comes_in(ledger.url("vote_fanout"), "database")
    assert not comes_in(ledger.identity.url("vote_fanout"), "database")
    assert not comes_in(ledger.url("vote_fanout"), "true")
    with (
        psycopg.connect(ledger.url("vote_fanout"), autocommit=True) as fanout,
        psycopg.connect(ledger.identity.url(), autocommit=True) as people,
        psycopg.connect(ledger.url(), autocommit=True) as dba,
    ):
        fanout.execute("SELECT pg_create_logical_replication_slot('everything', 'test_decoding', true)")
        people.execute("INSERT INTO identity.users (username, voter_seed) VALUES ('ada', sha256('seed'))")
        dba.execute("CREATE TABLE seen AS SELECT 'ledger' AS place")
        seen = str(fanout.execute("SELECT data FROM pg_logical_slot_get_changes('everything', NULL, NULL)").fetchall())
    assert "ledger" in seen
    assert "ada" not in seen
