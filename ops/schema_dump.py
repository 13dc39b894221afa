"""schema.sql: what the migrations beside it add up to, as pg_dump writes it; for reading and for reviewing a migration.

DATABASE_URL=postgresql://superuser@…/vote python -m ops.schema_dump > sql/schema.sql
DATABASE_URL=postgresql://superuser@…/vote_identity python -m ops.schema_dump > sql/identity/schema.sql
"""

import os
import subprocess
import sys

from ops.embedded.postgres_server import BIN

_VARYING = ("\\restrict", "\\unrestrict", "-- Dumped ", "SET ", "SELECT pg_catalog.set_config")
_HEAD = "-- What the migrations beside this file add up to. Made by `python -m ops.schema_dump`; a test compares.\n\n"


def schema_of(database_url: str) -> str:
    """The schema of a migrated database as SQL text, without what varies from one server or run to the next."""
    options = ["--schema-only", "--exclude-table=schema_migrations", f"--dbname={database_url}"]
    dump = subprocess.run([BIN / "pg_dump", *options], check=True, capture_output=True, text=True).stdout
    lines = [line for line in dump.splitlines() if line not in ("", "--") and not line.startswith(_VARYING)]
    return _HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_of(os.environ["DATABASE_URL"]))
