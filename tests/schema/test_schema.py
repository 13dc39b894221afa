"""The schema is what the migrations say, whoever runs them and however often."""

import shutil
from importlib import resources
from pathlib import Path

import psycopg
import pytest

from contract.moment import rfc3339
from ops import migrate
from ops.benches.migrations_bench import apply_history
from ops.rig.database import Database
from ops.schema_dump import schema_of


def test_schema_sql_is_the_sum_of_the_migrations(database: Database, identity_database: Database) -> None:
    """Each schema.sql is what a migrated database looks like (else: python -m ops.schema_dump)."""
    for made, path in ((database, "schema.sql"), (identity_database, "identity/schema.sql")):
        written = resources.files("sql").joinpath(path).read_text(encoding="utf-8")
        assert schema_of(made.url()).splitlines() == written.splitlines()


def test_migrating_twice_changes_nothing(database: Database, identity_database: Database) -> None:
    """A second run finds nothing to do."""
    assert migrate.migrate_both(database.url(), identity_database.url()) == []


def test_one_database_is_not_taken_for_the_other(database: Database, identity_database: Database) -> None:
    """A URL that leads to the other database stops the runner before anything is changed."""
    for url, folder in ((database.url(), migrate.IDENTITY), (identity_database.url(), migrate.LEDGER)):
        with pytest.raises(migrate.MigrationError, match="is it this database"):
            migrate.migrate(url, folder)


def test_a_changed_migration_is_refused(database: Database) -> None:
    """A file that differs from what was applied stops the runner with its name."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        connection.execute("UPDATE schema_migrations SET sha256 = 'other' WHERE name LIKE '0004%'")
    with pytest.raises(migrate.MigrationError, match=r"0004_votes\.sql has changed"):
        migrate.migrate(database.url(), migrate.LEDGER)


def test_a_migration_that_gets_no_lock_gives_up_and_says_who_is_in_the_way(
    database: Database, owner: psycopg.Connection, tmp_path: Path
) -> None:
    """Nothing is left of it, those before it stay, and the next run goes on with it."""
    folder = Path(shutil.copytree(migrate.LEDGER, tmp_path / "migrations"))
    (folder / "9998_first.sql").write_text("CREATE TABLE first ()")
    (folder / "9999_second.sql").write_text("CREATE TABLE second (); ALTER TABLE events ADD COLUMN third int")
    made = "SELECT to_regclass('first') IS NULL, to_regclass('second') IS NULL"
    with psycopg.connect(database.url(), application_name="a report") as report:
        report.execute("SELECT FROM events")
        with pytest.raises(migrate.MigrationError, match=r"9999_second\.sql gets no lock .* a report, idle in trans"):
            migrate.migrate(database.url(), folder, patience_s=0)
    assert owner.execute(made).fetchone() == (False, True)
    assert [each.name for each in migrate.migrate(database.url(), folder)] == ["9999_second.sql"]


def test_the_whole_history_changes_no_vote(database: Database, identity_database: Database) -> None:
    """Votes that were cast when the ledger was new are what they were, and where they were: ./ops/bench migrations."""
    assert identity_database.url() == database.identity.url()
    history = apply_history(database, 20_000)
    assert (history.before.votes, history.after) == (21_000, history.before)
    assert history.sound


@pytest.mark.parametrize(
    "text", ["2026-01-02T03:04:05.000006Z", "1999-12-31T23:59:59.999999Z", "2026-06-30T12:00:00.000000Z"]
)
def test_sql_writes_moments_as_the_contract(database: Database, text: str) -> None:
    """rfc3339() gives the text of contract/moment.py, whatever the session's time zone."""
    with psycopg.connect(database.url("vote_query")) as connection:
        connection.execute("SET timezone = 'Asia/Kathmandu'")
        row = connection.execute(
            "SELECT %s::timestamptz AS at, rfc3339(%s::timestamptz), rfc3339(NULL)", [text, text]
        ).fetchone()
    assert row
    assert (rfc3339(row[0]), *row[1:]) == (text, text, None)


def test_a_moment_costs_no_call(owner: psycopg.Connection) -> None:
    """The planner puts the expression in the place of rfc3339()."""
    plan = str(owner.execute("EXPLAIN (VERBOSE) SELECT rfc3339(opens_at) FROM events").fetchall())
    assert "to_char" in plan
    assert "rfc3339" not in plan


def test_functions_that_plan_for_their_arguments_do_so_on_every_version(owner: psycopg.Connection) -> None:
    """Before Postgres 18 an SQL function heeds no plan_cache_mode: a plan for any event locks the partitions of all."""
    rows = owner.execute(
        "SELECT proname FROM pg_proc JOIN pg_language lang ON lang.oid = prolang"
        " WHERE 'plan_cache_mode=force_custom_plan' = ANY (proconfig) AND lanname <> 'plpgsql'"
    ).fetchall()
    assert rows == []
