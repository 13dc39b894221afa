"""Migrations: plain numbered SQL files that a DBA can read and run with psql; here, run in order and recorded.

The ledger's are in sql/migrations, those of the identity database in sql/identity/migrations. Each runs in a
transaction of its own under an advisory lock, so two runners can't meet. A file that was applied may not change any
more. By hand: psql -1 -f sql/migrations/NNNN_….sql, then a row in schema_migrations.

    DATABASE_URL=postgresql://superuser@… IDENTITY_DATABASE_URL=postgresql://superuser@… python -m ops.migrate
"""

import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import psycopg

from contract import settings
from ops.identity_move import MoveError, move_people

SQL = Path(__file__).parent.parent / "sql"
LEDGER, IDENTITY = SQL / "migrations", SQL / "identity" / "migrations"
IDENTITY_LEAVES = "0013_identity_leaves.sql"
_LOCK = 86_606  # an advisory lock of the whole database; event_lock_class() is the next number

Before = Mapping[str, Callable[[psycopg.Connection], None]]  # what is done in a file's transaction before it, by name


class MigrationError(Exception):
    """A recorded migration differs from its file, or a file is gone."""


def migrate_both(database_url: str, identity_url: str) -> list[str]:
    """Bring both databases up to date; people who are in the ledger's still are moved. Raises as `migrate`."""
    made = migrate(identity_url, IDENTITY)
    return made + migrate(database_url, LEDGER, {IDENTITY_LEAVES: partial(move_people, identity_url=identity_url)})


def migrate(database_url: str, folder: Path, before: Before | None = None) -> list[str]:
    """Apply what is missing of a folder; gives the names of the files applied.

    Raises `MigrationError`, `MoveError`, psycopg.Error.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations "
            "(name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        rows = connection.execute("SELECT name, sha256 FROM schema_migrations").fetchall()
        recorded = {str(name): str(sha256) for name, sha256 in rows}
        return [_apply(connection, path, before or {}) for path in _missing(recorded, folder)]


def _missing(recorded: dict[str, str], folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.sql"))
    for name in recorded.keys() - {path.name for path in files}:
        raise MigrationError(f"{name} was applied but is not in {folder.relative_to(SQL.parent)}: is it this database?")
    for path in files:
        if path.name in recorded and recorded[path.name] != _sha256(path):
            raise MigrationError(f"{path.name} has changed since it was applied: write a new migration instead")
    return [path for path in files if path.name not in recorded]


def _apply(connection: psycopg.Connection, path: Path, before: Before) -> str:
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '5s'")  # while it waits, votes would queue behind it
        if path.name in before:
            before[path.name](connection)
        connection.execute(path.read_bytes())
        connection.execute("INSERT INTO schema_migrations (name, sha256) VALUES (%s, %s)", [path.name, _sha256(path)])
    return path.name


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """Run against both databases; exit code 1 with one line on failure."""
    try:
        ledger = settings.read(settings.Primary, os.environ)
        applied = migrate_both(ledger.url, settings.read(settings.IdentityDatabase, os.environ).url)
    except settings.SettingError as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 2
    except (MigrationError, MoveError, psycopg.Error) as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 1
    print(f"migrate: {', '.join(applied) or 'nothing to do'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
