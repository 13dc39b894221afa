"""The DBA's scripts, run by psql as their heads say."""

import subprocess

from ops.embedded.postgres_server import BIN
from ops.migrate import SQL
from ops.rig.database import Database

SCRIPTS = SQL.parent / "partitions"


def words_of(database: Database, script: str, **variables: object) -> list[str]:
    """The command line that runs a script of partitions/ with these psql variables, as superuser."""
    settings = [word for name, value in variables.items() for word in ("-v", f"{name}={value}")]
    return [str(BIN / "psql"), "-X", "-A", "-t", *settings, "-f", str(SCRIPTS / script), database.url()]


def psql(database: Database, script: str, **variables: object) -> subprocess.CompletedProcess[str]:
    """Run it."""
    return subprocess.run(words_of(database, script, **variables), check=False, capture_output=True, text=True)


def run_script(database: Database, script: str, **variables: object) -> None:
    """The same; fails with what it said when it fails."""
    done = psql(database, script, **variables)
    assert done.returncode == 0, done.stderr
