"""The schema is what the migrations say, whoever runs them and however often."""

from importlib import resources

import psycopg
import pytest

from ops import migrate
from ops.rig.database import Database
from ops.schema_dump import schema_of


def test_schema_sql_is_the_sum_of_the_migrations(database: Database) -> None:
    """sql/schema.sql is what a migrated database looks like (else: python -m ops.schema_dump)."""
    written = resources.files("sql").joinpath("schema.sql").read_text(encoding="utf-8")
    assert schema_of(database.url()).splitlines() == written.splitlines()


def test_migrating_twice_changes_nothing(database: Database) -> None:
    """A second run finds nothing to do."""
    assert migrate.migrate(database.url()) == []


def test_a_changed_migration_is_refused(database: Database) -> None:
    """A file that differs from what was applied stops the runner with its name."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        connection.execute("UPDATE schema_migrations SET sha256 = 'other' WHERE name LIKE '0004%'")
    with pytest.raises(migrate.MigrationError, match=r"0004_votes\.sql has changed"):
        migrate.migrate(database.url())
