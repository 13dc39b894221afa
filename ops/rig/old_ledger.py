"""A ledger as it was before some migration: what today's migrations and programs find where people have voted."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from ops import migrate
from ops.embedded.database_setup import make_database
from ops.embedded.program_environment import on_database
from ops.rig.database import Database


@contextlib.contextmanager
def old_ledger(beside: Database, before: str) -> Iterator[Database]:
    """The database `old` on the same server, with the ledger's migrations before that file, while the block lasts."""
    made = Database(on_database(beside.url(), "old"))
    make_database(beside.url(), "old")
    with tempfile.TemporaryDirectory() as folder:
        for path in migrate.LEDGER.glob("*.sql"):
            if path.name < before:
                shutil.copy(path, folder)
        migrate.migrate(made.url(), Path(folder))
    try:
        yield made
    finally:
        with psycopg.connect(beside.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier("old")))
