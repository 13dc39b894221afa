"""What backups and restores are told."""

import dataclasses
from pathlib import Path

from contract import production
from contract.settings import SettingError, setting


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("it must be 1 or more")
    return number


@dataclasses.dataclass(frozen=True, slots=True)
class BackupSource:
    """The Postgres that is backed up, with the login of a role that has REPLICATION; unset: the one of `./ops/up`."""

    url: str = setting("BACKUP_URL", "", secret=True, check=production.certified_postgres_or_none)

    def given(self) -> str:
        """The URL; raises SettingError when it isn't set."""
        if not self.url:
            raise SettingError("BACKUP_URL is not set")
        return self.url


@dataclasses.dataclass(frozen=True, slots=True)
class BackupPlace:
    """Where backups and the archived WAL lie: a folder on another disk, better on another machine's.

    Unset: what `./ops/backup` was told first, or else `DATA_DIR/backups`. The programs are Postgres' own, of at
    least the server's version; unset: those of the wheel, which know no TLS.
    """

    folder: Path | None = setting("BACKUP_DIR", None, Path)
    programs: Path | None = setting("POSTGRES_PROGRAMS", None, Path)

    def given(self) -> Path:
        """The folder, absolute; raises SettingError when it isn't set."""
        if self.folder is None:
            raise SettingError("BACKUP_DIR is not set")
        return self.folder.absolute()


@dataclasses.dataclass(frozen=True, slots=True)
class BackupRules:
    """A full backup, so many incremental ones, and so on; what is older than the last so many full ones is removed."""

    incrementals: int = setting("BACKUP_INCREMENTALS", 6, int)
    fulls_kept: int = setting("BACKUP_FULLS_KEPT", 2, _positive)
