"""Migrations: plain numbered SQL files that a DBA can read and run with psql; here, run in order and recorded.

The ledger's are in sql/migrations, those of the identity database in sql/identity/migrations. Each runs in a
transaction of its own under an advisory lock, so two runners can't meet. A file that was applied may not change any
more. sql/README.md says how to write one, and how to run one by hand.

People may vote meanwhile. Whoever asks for a table later waits behind a statement that waits for it; so a file waits
for a lock for `LOCK_TIMEOUT_MS`, lets all of its work go, and is tried anew after a pause in which the others go on.

    DATABASE_URL=postgresql://superuser@… IDENTITY_DATABASE_URL=postgresql://superuser@… python -m ops.migrate
"""

import hashlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psycopg

from contract import settings
from contract.backoff import Backoff
from ops.identity_move import MoveError, move_people

SQL = Path(__file__).parent.parent / "sql"
LEDGER, IDENTITY = SQL / "migrations", SQL / "identity" / "migrations"
IDENTITY_LEAVES = "0013_identity_leaves.sql"
LOCK_TIMEOUT_MS = 200  # votes wait as long behind a file that gets no lock
PAUSES_S = (0.5, 5.0)
PATIENCE_S = 300.0  # for one file
_LOCK = 86_606  # an advisory lock of the whole database; event_lock_class() is the next number
_NO_LOCK = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
_IN_THE_WAY = """
    SELECT coalesce(string_agg(format('pid %%s (%%s, %%s, %%s, since %%s)', pid, usename, application_name, state,
                                      date_trunc('second', xact_start)), '; ' ORDER BY xact_start), 'nobody by now')
    FROM (SELECT * FROM pg_stat_activity
          WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
            AND xact_start < clock_timestamp() - make_interval(secs => %s)
          ORDER BY xact_start LIMIT 3) AS oldest"""

Before = Mapping[str, Callable[[psycopg.Connection], None]]  # what is done in a file's transaction before it, by name
Tell = Callable[[str], object]


class MigrationError(Exception):
    """A recorded migration differs from its file, a file is gone, or one gets no lock."""


class Applied(NamedTuple):
    """A file, and how long its transaction took, without the tries that got no lock."""

    name: str
    seconds: float


def say(line: str) -> None:
    """Tell the operator."""
    print(f"migrate: {line}", file=sys.stderr)


def migrate_both(database_url: str, identity_url: str) -> list[Applied]:
    """Bring both databases up to date; people who are in the ledger's still are moved. Raises as `migrate`."""
    made = migrate(identity_url, IDENTITY)
    return made + migrate(database_url, LEDGER, {IDENTITY_LEAVES: partial(move_people, identity_url=identity_url)})


def migrate(
    database_url: str, folder: Path, before: Before | None = None, tell: Tell = say, patience_s: float = PATIENCE_S
) -> list[Applied]:
    """Apply what is missing of a folder; gives what was applied. `tell` hears of each try that got no lock.

    Raises `MigrationError`, `MoveError`, psycopg.Error: the files before stay applied, nothing is left of the one.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations "
            "(name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        rows = connection.execute("SELECT name, sha256 FROM schema_migrations").fetchall()
        recorded = {str(name): str(sha256) for name, sha256 in rows}
        return [_apply(connection, path, before or {}, tell, patience_s) for path in _missing(recorded, folder)]


def _missing(recorded: dict[str, str], folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.sql"))
    for name in recorded.keys() - {path.name for path in files}:
        raise MigrationError(f"{name} was applied but is not in {folder.relative_to(SQL.parent)}: is it this database?")
    for path in files:
        if path.name in recorded and recorded[path.name] != _sha256(path):
            raise MigrationError(f"{path.name} has changed since it was applied: write a new migration instead")
    return [path for path in files if path.name not in recorded]


def _apply(connection: psycopg.Connection, path: Path, before: Before, tell: Tell, patience_s: float) -> Applied:
    end, pauses = time.monotonic() + patience_s, Backoff(*PAUSES_S)
    while True:
        begun = time.monotonic()
        try:
            _run(connection, path, before)
        except _NO_LOCK as error:
            [(others,)] = connection.execute(_IN_THE_WAY, [LOCK_TIMEOUT_MS / 1000]).fetchall()
            why = f"{path.name} gets no lock within {LOCK_TIMEOUT_MS} ms; the oldest transactions: {others}"
            if time.monotonic() >= end:
                raise MigrationError(f"{why}. It was given up after {patience_s:.0f} s") from error
            tell(f"{why}. It is tried again")
            time.sleep(pauses.next_s())
        else:
            return Applied(path.name, time.monotonic() - begun)


def _run(connection: psycopg.Connection, path: Path, before: Before) -> None:
    with connection.transaction():
        connection.execute("SELECT set_config('lock_timeout', %s, true)", [str(LOCK_TIMEOUT_MS)])
        if path.name in before:
            before[path.name](connection)
        connection.execute(path.read_bytes())
        connection.execute("INSERT INTO schema_migrations (name, sha256) VALUES (%s, %s)", [path.name, _sha256(path)])


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
    except KeyboardInterrupt:
        print(
            "migrate: broken off; the file under way has changed nothing, the next run goes on with it", file=sys.stderr
        )
        return 1
    print(f"migrate: {', '.join(f'{name} ({seconds:.2f} s)' for name, seconds in applied) or 'nothing to do'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
