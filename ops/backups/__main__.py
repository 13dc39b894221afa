"""Takes one verified backup: a full one, then incremental ones, and so on; removes what is too old. Fit for cron.

Exit code 0: a new one is there, and verified. 1: none is, and one line says why; what was there still is. 2: a wrong
setting or usage.
"""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

import psycopg

from contract.settings import SettingError, read
from ops.backups.backup_folder import BackupFolder
from ops.backups.base_backup import BaseBackup
from ops.backups.embedded_archive import EmbeddedArchive
from ops.backups.settings import BackupPlace, BackupRules, BackupSource
from ops.backups.source_server import PostgresPrograms, SourceServer
from ops.embedded.data_folder import DataFolder
from ops.embedded.interruption import break_off_by_signals
from ops.embedded.refusal import CannotStart


def main() -> int:
    """The command line."""
    line = argparse.ArgumentParser(prog="./ops/backup", description=__doc__.splitlines()[0], allow_abbrev=False)
    line.add_argument("--full", action="store_true", help="a full one, even if none is due")
    line.add_argument("--off", action="store_true", help="archive the WAL of ./ops/up no longer; what is there stays")
    given = line.parse_args()
    try:
        place, source = read(BackupPlace, os.environ), read(BackupSource, os.environ)
        rules = read(BackupRules, os.environ)
        if source.url:
            place.given()
    except SettingError as error:
        print(f"backup: {error}", file=sys.stderr)
        return 2
    if given.off and source.url:
        line.error("BACKUP_URL names a server whose archive ./ops/up doesn't run: end that one there")
    break_off_by_signals()
    try:
        if given.off:
            _archive().end()
            print("The WAL is archived no longer. What is there can still be restored, up to now.")
        else:
            _back_up(place, source, rules, full=given.full)
    except (CannotStart, OSError, psycopg.Error, RuntimeError) as reason:
        print(f"backup: {str(reason).strip()}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("backup: broken off; the next one removes what is left of it", file=sys.stderr)
        return 1
    return 0


def _archive() -> EmbeddedArchive:
    return EmbeddedArchive(DataFolder(Path(os.environ["DATA_DIR"]).absolute()))


def _back_up(place: BackupPlace, source: BackupSource, rules: BackupRules, *, full: bool) -> None:
    archive = None if source.url else _archive()
    if archive:
        url, folder = archive.begin(place.folder)
        source, place = BackupSource(url), replace(place, folder=folder)
    backups = BackupFolder(place.given())
    backup = BaseBackup(SourceServer(source.url), backups, PostgresPrograms(place.programs), rules)
    backup.make_room()
    if archive:
        archive.wait()
    made = backup.take(full=full)
    print(f"Verified: {backups.base / made.name}")


if __name__ == "__main__":
    sys.exit(main())
