"""A streaming standby of the running stack's Postgres: made, put to use and taken away while voting goes on.

    a role and a slot ► pg_basebackup ► streams, under the stack's supervisor ► fanout waits for it ► reads go to it

`./ops/up` runs it from then on, as long as DATA_DIR/replica is there. fanout counts what the standby has on disk, and
no more (synchronized_standby_slots): so nothing that was shown is taken back by a promotion. The price is that numbers
stand still while the standby is away, until it is back or taken away. Commits don't wait for it:
ops/runbooks/replica.md says how to make them, and what that costs.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import psycopg
from psycopg import sql

from ops.embedded import postgres_user, readiness
from ops.embedded.data_folder import DataFolder
from ops.embedded.embedded_primary import EmbeddedPrimary
from ops.embedded.interruption import break_off_by_signals, ignore_signals
from ops.embedded.ports import choose
from ops.embedded.postgres_server import BIN, COPYING, PostgresServer
from ops.embedded.program_environment import readers
from ops.embedded.readiness import wait_until
from ops.embedded.refusal import CannotStart
from ops.embedded.secret_files import SecretFiles
from ops.embedded.stack_configuration import DATABASE
from ops.embedded.supervisor_config import SERVICES_GROUP, replica_program

NAME = "replica"  # of the program, the slot, and the standby itself
ROLE = "vote_replica"
READING = ("query", "sse")
STREAMS_WITHIN_S = 120
READY_WITHIN_S = 120
_STREAMS = "SELECT FROM pg_stat_replication WHERE application_name = %s AND state = 'streaming'"


class Replica:
    """The standby of one stack, which runs; raises CannotStart else."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._secrets = SecretFiles(folder.secrets)
        self._primary = EmbeddedPrimary(folder, "make its standby there, and set REPLICA_URL")
        self._control = self._primary.control

    def make(self) -> None:
        """Return when it streams and reads go to it; raises CannotStart. What fails leaves the stack as it was."""
        if self._folder.replica.exists():
            raise CannotStart(f"{self._folder.replica} is there already; ./ops/replica --remove takes it away")
        if self._primary.told()["query"].get("PRIMARY_URL"):
            raise CannotStart("reads go to a REPLICA_URL of yours; start ./ops/up without it first")
        with psycopg.connect(self._primary.superuser_url, autocommit=True) as connection:
            try:
                self._let_in(connection)
                self._copy()
                replica = self._run()
                wait_until(partial(self._why_no_stream, connection), STREAMS_WITHIN_S)
                self._primary.set(connection, "synchronized_standby_slots", NAME)
                self._read_at(replica.address(DATABASE))
            except BaseException:
                ignore_signals()
                self._undo(connection)
                raise

    def remove(self) -> None:
        """Return when nothing waits for it, reads it or is left of it; raises CannotStart."""
        if not (self._folder.replica.exists() or self._partial().exists()):
            raise CannotStart("there is none")
        self._folder.refuse_promoted()
        with psycopg.connect(self._primary.superuser_url, autocommit=True) as connection:
            names = connection.execute("SHOW synchronous_standby_names").fetchone()
            if names and NAME in names[0]:
                raise CannotStart(
                    f"commits wait for it (synchronous_standby_names = '{names[0]}'): change that first, knowingly"
                )
            self._primary.set(connection, "synchronized_standby_slots", None)
            self._read_at("")
            self._take_away(connection)

    def _undo(self, connection: psycopg.Connection) -> None:
        """Take away whatever `make` has made so far; raises what keeps it from that, after it has tried all."""
        try:
            self._primary.set(connection, "synchronized_standby_slots", None)
            if self._primary.told()["query"].get("PRIMARY_URL"):
                self._read_at("")
        finally:
            self._take_away(connection)

    def _let_in(self, connection: psycopg.Connection) -> None:
        """Make the role that may copy all, and the slot that keeps what the copy will ask for."""
        self._primary.let_in(connection, ROLE)
        self._primary.drop_slot(connection, NAME)  # of one that was killed while it copied
        connection.execute("SELECT pg_create_physical_replication_slot(%s, true)", [NAME])

    def _copy(self) -> None:
        """Copy the cluster; it gets its name when it is whole."""
        partial_copy = self._partial()
        shutil.rmtree(partial_copy, ignore_errors=True)
        partial_copy.mkdir(mode=0o700)
        postgres_user.give(partial_copy)
        program = BIN / "pg_basebackup"
        # The standby remembers this address: the database is for its fanout slot.
        address = (
            f"host=127.0.0.1 port={self._primary.server.port} user={ROLE} dbname={DATABASE} application_name={COPYING}"
        )
        words = [str(program), "-d", address, "-D", str(partial_copy), "-R", "-S", NAME, "--checkpoint=fast", "-P"]
        environment = {**os.environ, "PGPASSWORD": self._secrets.password(ROLE)}
        copied = subprocess.run([*postgres_user.prefix(program, partial_copy), *words], check=False, env=environment)
        if copied.returncode:
            raise CannotStart("the copy failed; pg_basebackup says above why")
        remembered = partial_copy / "postgresql.auto.conf"  # from here on by its own name, which commits may wait for
        remembered.write_text(remembered.read_text().replace(f"application_name={COPYING}", f"application_name={NAME}"))
        partial_copy.rename(self._folder.replica)

    def _run(self) -> PostgresServer:
        """Start it under the supervisor."""
        numbers = json.loads(self._folder.ports.read_text())
        numbers |= choose([NAME], {})  # the others' aren't free, since they run
        self._folder.ports.write_text(json.dumps(numbers, indent=1))
        replica = PostgresServer(self._folder.replica, numbers[NAME])
        replica.prepare("")
        self._primary.supervise(replica_program(replica.command()))
        return replica

    def _why_no_stream(self, connection: psycopg.Connection) -> str:
        if connection.execute(_STREAMS, [NAME]).fetchone() is not None:
            return ""
        return f"the standby doesn't stream; its log is {self._folder.logs / f'{NAME}.log'}"

    def _read_at(self, replica_url: str) -> None:
        """Tell readers where to read, and start those again that go on: they are away for a second or two."""
        for name, settings in readers(self._primary.server.address(DATABASE), replica_url, self._secrets).items():
            self._primary.tell(name, settings)
        numbers = json.loads(self._folder.ports.read_text())
        for name in READING:
            self._restart(name)
            wait_until(
                partial(readiness.service, name, numbers[name], self._folder.logs / f"{name}.log"), READY_WITHIN_S
            )

    def _restart(self, name: str) -> None:
        """Stop a service and start it, whatever comes between: a stop that was asked for goes on by itself."""
        program = f"{SERVICES_GROUP}:{name}"
        try:
            with contextlib.suppress(RuntimeError):  # it isn't running
                self._control.stop(program)
        finally:
            wait_until(partial(self._why_not_stopped, name), READY_WITHIN_S)
            self._control.start(program)

    def _why_not_stopped(self, name: str) -> str:
        return f"{name} doesn't stop" if self._control.states()[name] == "STOPPING" else ""

    def _take_away(self, connection: psycopg.Connection) -> None:
        """The files last: while they are there, there is something to take away."""
        self._primary.forget(NAME)
        connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(ROLE)))
        self._primary.drop_slot(connection, NAME)
        for files in (self._folder.replica, self._partial()):
            shutil.rmtree(files, ignore_errors=True)

    def _partial(self) -> Path:
        return self._folder.replica.with_name(f"{NAME}.partial")


def main() -> int:
    """Exit code 0; 1 after one line that says what can't be; 2 after the usage."""
    line = argparse.ArgumentParser(prog="./ops/replica", description=__doc__.splitlines()[0], allow_abbrev=False)
    line.add_argument("--remove", action="store_true", help="take it away: reads and audits go to the primary again")
    given = line.parse_args()
    break_off_by_signals()
    try:
        replica = Replica(DataFolder(Path(os.environ["DATA_DIR"]).absolute()))
        if given.remove:
            replica.remove()
            print("Taken away: reads and audits go to the primary.")
        else:
            replica.make()
            print("It streams. query, sse and ./ops/audit read there now, and ./ops/up runs it from here on.")
    except (CannotStart, psycopg.Error, RuntimeError) as reason:
        print(f"replica: {str(reason).strip()}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        left = "run it again to take away the rest" if given.remove else "nothing is left of it"
        print(f"replica: broken off; {left}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
