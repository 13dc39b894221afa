"""Postgres servers of the caller's own: to measure, to lose, to promote, to put back, or to be the second source."""

import contextlib
import dataclasses
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg

from ops.embedded import ports, postgres_user
from ops.embedded.postgres_server import BIN, PostgresServer
from ops.rig.database import PASSWORD, Database
from ops.rig.server_process import ServerProcess

# A login costs the client some milliseconds of hashing, by design; tests log in ten thousand times.
_QUICK_LOGINS = "scram_iterations = 1"
_HBA = "host all,replication all 127.0.0.1/32 scram-sha-256\n"  # who may do what is tried elsewhere


@dataclasses.dataclass(frozen=True)
class RunningPostgres:
    """A server with its real configuration, but for who may connect."""

    server: PostgresServer
    process: ServerProcess

    @property
    def database(self) -> Database:
        """Its database `postgres`."""
        return Database(self.server.url("postgres", PASSWORD, "postgres"))

    def execute(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        """Run one statement as superuser; its rows."""
        with psycopg.connect(self.database.url(), autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def copy_files(self, target: Path) -> None:
        """Copy the files of a stopped server, as a backup of its disk would."""
        subprocess.run(["cp", "-a", self.server.data, target], check=True)

    def put_back(self, files: Path) -> None:
        """Replace the files of a stopped server."""
        shutil.rmtree(self.server.data)
        subprocess.run(["cp", "-a", files, self.server.data], check=True)


@contextlib.contextmanager
def empty_postgres(folder: Path, *settings: str) -> Iterator[RunningPostgres]:
    """Run a server without the ledger, with these lines of configuration, until the end of the block."""
    server = _server(folder)
    server.prepare(PASSWORD)
    with _running(server, _QUICK_LOGINS, *settings) as running:
        running.execute(f"ALTER ROLE postgres PASSWORD '{PASSWORD}'")  # hashed once more, with that setting
        yield running


@contextlib.contextmanager
def postgres(folder: Path, *settings: str) -> Iterator[RunningPostgres]:
    """The same, with both databases migrated, and open to the roles of the services."""
    with empty_postgres(folder, *settings) as running:
        running.database.set_up()
        yield running


@contextlib.contextmanager
def migrated_database(folder: Path) -> Iterator[Database]:
    """The database of such a server."""
    with postgres(folder) as running:
        yield running.database


@contextlib.contextmanager
def standby_of(primary: RunningPostgres, folder: Path, slot: str, *settings: str) -> Iterator[RunningPostgres]:
    """Run a physical standby that streams through this slot until the end of the block."""
    with standby_at(primary.database.url(), folder, slot, *settings) as standby:
        yield standby


@contextlib.contextmanager
def standby_at(superuser_url: str, folder: Path, slot: str, *settings: str) -> Iterator[RunningPostgres]:
    """The same, of the server at this address, which must let its superuser in for a copy."""
    server = _server(folder)
    server.data.mkdir(mode=0o700)
    postgres_user.give(server.data)
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("SELECT pg_create_physical_replication_slot(%s, true)", [slot])
    words = [str(BIN / "pg_basebackup"), "-d", superuser_url, "-D", str(server.data), "-R", "-S", slot]
    prefix = postgres_user.prefix(BIN / "pg_basebackup", server.data)
    subprocess.run([*prefix, *words, "--checkpoint=fast"], check=True)
    with _running(server, *settings) as standby:
        yield standby


@contextlib.contextmanager
def postgres_in(folder: Path, *settings: str) -> Iterator[RunningPostgres]:
    """Run a server on files that are there, until the end of the block."""
    with _running(_server(folder), *settings) as running:
        yield running


def _server(folder: Path) -> PostgresServer:
    return PostgresServer(folder, ports.choose(["postgres"], {})["postgres"])


@contextlib.contextmanager
def _running(server: PostgresServer, *settings: str) -> Iterator[RunningPostgres]:
    with (server.data / "postgresql.conf").open("a") as configuration:
        configuration.write("\n".join(["", *settings, ""]))
    (server.data / "pg_hba.conf").write_text(_HBA)
    with ServerProcess(server.command, "ready to accept").running() as process:
        yield RunningPostgres(server, process)
