"""The Postgres of a running stack, as whoever copies it needs it: logins for a copy, slots, programs beside it."""

import json

import psycopg
from psycopg import sql

from ops.embedded.data_folder import DataFolder
from ops.embedded.postgres_server import PostgresServer
from ops.embedded.readiness import wait_until
from ops.embedded.refusal import CannotStart
from ops.embedded.secret_files import SecretFiles, write_private
from ops.embedded.stack_configuration import DATABASE, PROJECT
from ops.embedded.supervisor_config import Program, without
from ops.embedded.supervisor_control import SupervisorControl

FREE_WITHIN_S = 60
_SLOT = "SELECT active FROM pg_replication_slots WHERE slot_name = %s"


class EmbeddedPrimary:
    """Raises CannotStart when no stack runs, or its Postgres is the operator's: then `instead` is what to do."""

    def __init__(self, folder: DataFolder, instead: str) -> None:
        self._folder = folder
        self._secrets = SecretFiles(folder.secrets)
        self.control = SupervisorControl(folder)
        if not self.control.answers():
            raise CannotStart(f"no stack runs on {folder.root}; start ./ops/up first")
        self.server = PostgresServer(folder.postgres, json.loads(folder.ports.read_text())["postgres"])
        self.superuser_url = self.server.url("postgres", self._secrets.password("postgres"), DATABASE)
        if self.told()["operator"]["DATABASE_URL"] != self.superuser_url:
            raise CannotStart(f"DATABASE_URL is a server of yours: {instead}")

    def told(self) -> dict[str, dict[str, str]]:
        """The environment of each program."""
        content: dict[str, dict[str, str]] = json.loads(self._folder.environment.read_text())
        return content

    def tell(self, program: str, settings: dict[str, str]) -> None:
        """Change a program's environment, from its next start on."""
        told = self.told()
        told[program] |= settings
        write_private(self._folder.environment, json.dumps(told, indent=1))

    def let_in(self, connection: psycopg.Connection, role: str) -> str:
        """Make the role that may copy all, with the password that is told."""
        if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        password = self._secrets.password(role)
        verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
        admitted = sql.SQL("ALTER ROLE {} REPLICATION LOGIN PASSWORD {}")
        connection.execute(admitted.format(sql.Identifier(role), sql.Literal(verifier)))
        return password

    def drop_slot(self, connection: psycopg.Connection, name: str) -> None:
        """Wait until nobody reads it, and drop it if it is there."""

        def why_not() -> str:
            slot = connection.execute(_SLOT, [name]).fetchone()
            return f"somebody still reads the slot {name}" if slot and slot[0] else ""

        wait_until(why_not, FREE_WITHIN_S)
        connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s", [name]
        )

    def set(self, connection: psycopg.Connection, name: str, value: str | None) -> None:
        """Set a parameter of the server for good, or give it up."""
        if value is None:
            connection.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name)))
        else:
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        connection.execute("SELECT pg_reload_conf()")

    def supervise(self, program: Program) -> None:
        """Start a program under the supervisor, which forgets whatever had its name."""
        configuration = without(self._folder.supervisor_conf.read_text(), program.name)
        section = program.section(self._folder, PROJECT)
        self._folder.supervisor_conf.write_text(f"{configuration}\n{section}")
        self.control.add(program.name)

    def forget(self, name: str) -> None:
        """Stop a program and take it out of the supervisor's file."""
        self.control.remove(name)
        self._folder.supervisor_conf.write_text(without(self._folder.supervisor_conf.read_text(), name))
