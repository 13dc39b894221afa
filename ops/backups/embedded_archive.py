"""Backups of the Postgres that `./ops/up` runs: the role, the place, and the WAL's receiver under its supervisor.

They begin with the first `./ops/backup`, while voting goes on, and go on with each `./ops/up` until `--off`.
"""

from pathlib import Path

import psycopg
from psycopg import sql

from ops.backups.backup_folder import BackupFolder
from ops.backups.source_server import SLOT, SourceServer
from ops.embedded.data_folder import DataFolder
from ops.embedded.embedded_primary import EmbeddedPrimary
from ops.embedded.readiness import wait_until
from ops.embedded.refusal import CannotStart
from ops.embedded.secret_files import write_private
from ops.embedded.supervisor_config import BACKUP, backup_program

EXPORTER = "exporter"
RECEIVES_WITHIN_S = 60
_STREAMS = "SELECT FROM pg_stat_replication WHERE application_name = %s AND state = 'streaming'"


class EmbeddedArchive:
    """The backups of one stack."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder

    def begin(self, wished: Path | None) -> tuple[str, Path]:
        """Start the receiver of WAL if none runs: the login for backups, and where they lie; raises CannotStart."""
        primary = EmbeddedPrimary(self._folder, "set BACKUP_URL and BACKUP_DIR")
        place = self._place(wished)
        with psycopg.connect(primary.superuser_url, autocommit=True) as connection:
            password = primary.let_in(connection, SLOT)
            url = primary.server.url(SLOT, password, "")
            BackupFolder(place).prepare(SourceServer(url).system_id)
            if not self._folder.archiving.exists():
                write_private(self._folder.archiving, str(place))
            primary.set(connection, "summarize_wal", "on")  # for incremental ones
            self._tell(primary, str(place))
            if BACKUP not in primary.control.states():
                primary.supervise(backup_program(self._folder))
        return url, place

    def wait(self) -> None:
        """Return when WAL is received; raises CannotStart."""
        primary = EmbeddedPrimary(self._folder, "set BACKUP_URL and BACKUP_DIR")
        with psycopg.connect(primary.superuser_url, autocommit=True) as connection:

            def why_not() -> str:
                if connection.execute(_STREAMS, [SLOT]).fetchone() is not None:
                    return ""
                return f"the WAL isn't received; the log is {self._folder.logs / f'{BACKUP}.log'}"

            wait_until(why_not, RECEIVES_WITHIN_S)

    def end(self) -> None:
        """Return when nothing receives WAL, and the server keeps none for it; raises CannotStart."""
        primary = EmbeddedPrimary(self._folder, "end it there")
        if not self._folder.archiving.exists():
            raise CannotStart("there is none")
        with psycopg.connect(primary.superuser_url, autocommit=True) as connection:
            names = connection.execute("SHOW synchronous_standby_names").fetchone()
            if names and SLOT in names[0]:
                raise CannotStart(f"commits wait for it (synchronous_standby_names = '{names[0]}'): change that first")
            self._tell(primary, "")
            primary.forget(BACKUP)
            primary.set(connection, "summarize_wal", None)
            primary.drop_slot(connection, SLOT)
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(SLOT)))
        self._folder.archiving.unlink()  # last: until then there is something to end

    def _tell(self, primary: EmbeddedPrimary, place: str) -> None:
        """Where backups are, to the receiver and to the exporter, which looks there."""
        for name in (BACKUP, EXPORTER):
            primary.tell(name, {"BACKUP_DIR": place})
        if primary.control.states().get(EXPORTER) == "RUNNING":
            primary.control.stop(EXPORTER)
            primary.control.start(EXPORTER)

    def _place(self, wished: Path | None) -> Path:
        """Where backups go; another place than before is the operator's to decide."""
        before = self._folder.backups
        if self._folder.archiving.exists() and wished and wished.absolute() != before:
            raise CannotStart(f"backups go to {before}; ./ops/backup --off first, then to {wished}")
        return wished.absolute() if wished else before
