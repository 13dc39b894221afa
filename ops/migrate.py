"""Migrations: plain numbered SQL files that a DBA can read and run with psql; here, run in order and recorded.

Each runs in a transaction of its own under an advisory lock, so two runners can't meet. A file that was
applied may not change any more. By hand: psql -1 -f sql/migrations/NNNN_….sql, then a row in schema_migrations.

    DATABASE_URL=postgresql://superuser@… python -m ops.migrate
"""

import hashlib
import os
import sys
from pathlib import Path

import psycopg

from contract import settings

MIGRATIONS = Path(__file__).parent.parent / "sql" / "migrations"
_LOCK = 86_606  # an advisory lock of the whole database; event_lock_class() is the next number


class MigrationError(Exception):
    """A recorded migration differs from its file, or a file is gone."""


def migrate(database_url: str) -> list[str]:
    """Apply what is missing; gives the names of the files applied. Raises `MigrationError`, psycopg.Error."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations "
            "(name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        rows = connection.execute("SELECT name, sha256 FROM schema_migrations").fetchall()
        recorded = {str(name): str(sha256) for name, sha256 in rows}
        return [path.name for path in _missing(recorded) if _apply(connection, path)]


def _missing(recorded: dict[str, str]) -> list[Path]:
    files = sorted(MIGRATIONS.glob("*.sql"))
    for name in recorded.keys() - {path.name for path in files}:
        raise MigrationError(f"{name} was applied but is gone from {MIGRATIONS.name}/")
    for path in files:
        if path.name in recorded and recorded[path.name] != _sha256(path):
            raise MigrationError(f"{path.name} has changed since it was applied: write a new migration instead")
    return [path for path in files if path.name not in recorded]


def _apply(connection: psycopg.Connection, path: Path) -> bool:
    with connection.transaction():
        connection.execute(path.read_bytes())
        connection.execute("INSERT INTO schema_migrations (name, sha256) VALUES (%s, %s)", [path.name, _sha256(path)])
    return True


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """Run against DATABASE_URL; exit code 1 with one line on failure."""
    try:
        applied = migrate(settings.read(settings.Primary, os.environ).url)
    except settings.SettingError as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 2
    except (MigrationError, psycopg.Error) as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 1
    print(f"migrate: {', '.join(applied) or 'nothing to do'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
