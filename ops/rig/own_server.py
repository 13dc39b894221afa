"""Postgres servers of one test's own: to lose, to promote, to put back, or to be the second source."""

import contextlib
import dataclasses
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg

from ops.embedded import ports, postgres_user
from ops.embedded.postgres_server import BIN, PostgresServer
from ops.migrate import migrate
from ops.rig.server_process import ServerProcess
from tests.conftest import LOGIN, LOGIN_ROLES, PASSWORD, Database

_HBA = "host all,replication all 127.0.0.1/32 scram-sha-256\n"


@dataclasses.dataclass(frozen=True)
class OwnServer:
    """A running server; its database is `postgres`, migrated."""

    server: PostgresServer
    process: ServerProcess

    @property
    def database(self) -> Database:
        """As the session's server gives one to a test."""
        return Database(self.server.port, "postgres")

    @property
    def fanout_url(self) -> str:
        """The login of a fanout."""
        return self.database.url("vote_fanout")

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
def own_server(folder: Path, *settings: str) -> Iterator[OwnServer]:
    """Run an empty one with these lines of configuration until the end of the block."""
    server = PostgresServer(folder, _port())
    server.prepare(PASSWORD)
    _configure(server, *settings)
    with _running(server) as own:
        migrate(own.database.url())
        with psycopg.connect(own.database.url(), autocommit=True) as connection:
            for role in LOGIN_ROLES:
                connection.execute(LOGIN.format(psycopg.sql.Identifier(role), PASSWORD))
        yield own


@contextlib.contextmanager
def standby_of(primary: OwnServer, folder: Path, slot: str, *settings: str) -> Iterator[OwnServer]:
    """Run a physical standby that streams through this slot until the end of the block."""
    server = PostgresServer(folder, _port())
    server.data.mkdir(mode=0o700)
    postgres_user.give(server.data)
    primary.execute("SELECT pg_create_physical_replication_slot(%s, true)", slot)
    words = [str(BIN / "pg_basebackup"), "-d", primary.database.url(), "-D", str(server.data), "-R", "-S", slot]
    prefix = postgres_user.prefix(BIN / "pg_basebackup", server.data)
    subprocess.run([*prefix, *words, "--checkpoint=fast"], check=True)
    _configure(server, "hot_standby_feedback = on", *settings)
    with _running(server) as standby:
        yield standby


def _port() -> int:
    return ports.choose(["postgres"], {})["postgres"]


def _configure(server: PostgresServer, *settings: str) -> None:
    with (server.data / "postgresql.conf").open("a") as configuration:
        configuration.write("\n".join(["", *settings, ""]))
    (server.data / "pg_hba.conf").write_text(_HBA)


@contextlib.contextmanager
def _running(server: PostgresServer) -> Iterator[OwnServer]:
    process = ServerProcess(server.command, "ready to accept")
    with process.running():
        yield OwnServer(server, process)
