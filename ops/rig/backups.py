"""./ops/backup and ./ops/restore as their users call them, and the WAL's receiver as a supervisor runs it."""

import os
import subprocess
import sys
from pathlib import Path

from ops.rig import python_process
from ops.rig.server_process import ServerProcess


class Backups:
    """The backups of the Postgres at this URL in this folder, with these settings."""

    def __init__(self, url: str, folder: Path, **settings: str) -> None:
        self.folder = folder
        # What the command lines of an embedded stack would use must not be touched.
        own = {"BACKUP_URL": url, "BACKUP_DIR": str(folder), "DATA_DIR": str(folder / "no-stack")}
        self._environment = {**os.environ, **own, **settings}

    def receiver(self) -> ServerProcess:
        """What archives the WAL; ready when it streams."""
        line = [sys.executable, "-m", "ops.backups.wal_receiver"]
        return ServerProcess(lambda: line, "starting log streaming", self._environment)

    def back_up(self, *words: str, prefix: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
        """Take one."""
        return self._run(*prefix, sys.executable, "-m", "ops.backups", *words)

    def restore(self, to: str, into: Path, *words: str) -> "subprocess.CompletedProcess[str]":
        """Restore into a folder."""
        return self._run(sys.executable, "-m", "ops.backups.restore", "--to", to, "--into", str(into), *words)

    def _run(self, *line: str) -> "subprocess.CompletedProcess[str]":
        return python_process.run(list(line), self._environment)
