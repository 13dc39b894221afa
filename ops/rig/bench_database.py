"""A Postgres of the bench's own, with the configuration of the real one, thrown away afterwards."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from ops.embedded import ports
from ops.embedded.postgres_server import PostgresServer
from ops.migrate import migrate
from ops.rig.server_process import ServerProcess

PASSWORD = "bench-only"  # noqa: S105  # of a server on the loopback that lives for minutes
LOGIN_ROLES = ("vote_command", "vote_fanout", "vote_query")


@dataclasses.dataclass(frozen=True)
class BenchDatabase:
    """A migrated, empty database."""

    server: PostgresServer
    process: ServerProcess
    version: str

    @property
    def url(self) -> str:
        """For the superuser."""
        return self.url_of("postgres")

    def url_of(self, role: str) -> str:
        """For one of the services' roles."""
        return self.server.url(role, PASSWORD, "postgres")

    def settle(self) -> None:
        """Write out what earlier measurements left behind, so that the next one doesn't pay for it."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")


@contextlib.contextmanager
def bench_database(folder: Path) -> Iterator[BenchDatabase]:
    """Run one under `folder` until the end of the block."""
    folder.chmod(0o755)  # run by root, Postgres is another user who must get to its data
    server = PostgresServer(folder / "postgres", ports.choose(["postgres"], {})["postgres"])
    server.prepare(PASSWORD)
    (server.data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    process = ServerProcess(server.command, "ready to accept connections")
    process.start()
    try:
        url = server.url("postgres", PASSWORD, "postgres")
        migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            for role in LOGIN_ROLES:
                login = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
                connection.execute(login.format(sql.Identifier(role), sql.Literal(PASSWORD)))
            row = connection.execute("SHOW server_version").fetchone()
        yield BenchDatabase(server, process, str(row[0]) if row else "")
    finally:
        process.stop()
