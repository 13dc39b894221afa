"""How old the newest verified backup and the archived WAL are, by the files themselves: who made them may be gone."""

import shutil
from pathlib import Path

from contract import metric_names
from ops.backups.backup_folder import BackupFolder
from ops.embedded.refusal import CannotStart
from ops.observe.server_families import Rows
from ops.observe.server_watch import CannotReadError


class BackupStatistics:
    """Reads one BACKUP_DIR."""

    def __init__(self, folder: Path) -> None:
        self._folder = BackupFolder(folder)

    def read(self) -> dict[str, Rows]:
        """What is there; a backup or WAL that isn't there has no row. Raises CannotReadError."""
        try:
            free = shutil.disk_usage(self._folder.root).free
            finished = [backup.finished.timestamp() for backup in self._folder.read_notes()[0]]
            received = self._folder.newest_segments().values()
        except (OSError, CannotStart) as error:
            raise CannotReadError(str(error)) from error
        return {
            metric_names.BACKUP_LAST_UNIX_SECONDS: [(max(finished),)] if finished else [],
            metric_names.BACKUP_WAL_UNIX_SECONDS: [(max(received),)] if received else [],
            metric_names.BACKUP_FREE_BYTES: [(free,)],
        }

    def close(self) -> None:
        """Nothing is held."""
