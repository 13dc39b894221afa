"""The WAL's archive: a process that streams it from the server, as it is written, and becomes pg_receivewal.

    slot there ─► the newest folder goes on      no slot (a new server, or one that was restored, promoted or gave the
                                                 slot up) ─► a slot and a folder, since what came between is unknown

Each write is on disk before it is reported: so a COMMIT may wait for this process as for a standby (`vote_backup` in
synchronous_standby_names). The server keeps what was not reported, up to its max_slot_wal_keep_size. `./ops/up` runs it
once `./ops/backup` was called; elsewhere a supervisor that starts it again whenever it ends. A lost connection ends it,
too: behind the same address there may be another server next time.

    python -m ops.backups.wal_receiver
"""

import datetime as dt
import os
import sys
import time
from pathlib import Path

from contract.settings import SettingError, read
from ops.backups.backup_folder import PARTIAL, BackupFolder, stamp
from ops.backups.settings import BackupPlace, BackupSource
from ops.backups.source_server import SLOT, PostgresPrograms, SourceServer
from ops.embedded import postgres_user
from ops.embedded.refusal import CannotStart
from ops.embedded.supervisor_config import STARTED_AFTER_S

PAUSE_S = STARTED_AFTER_S + 1  # so that a supervisor starts it again at once, however long Postgres is away


def main() -> int:
    """Never returns when all is well; else 1, after a pause, or 2 for a wrong setting."""
    try:
        place = read(BackupPlace, os.environ)
        folder, url = BackupFolder(place.given()), read(BackupSource, os.environ).given()
    except SettingError as error:
        print(f"backup: {error}", file=sys.stderr)
        return 2
    try:
        server = SourceServer(url)
        folder.prepare(server.system_id)
        into = _folder_to_fill(server, folder)
        words = [*PostgresPrograms(place.programs).words("pg_receivewal", into), "-d", server.address, "-D", str(into)]
    except CannotStart as reason:
        print(f"backup: {reason}", file=sys.stderr, flush=True)
        time.sleep(PAUSE_S)
        return 1
    words += ["-S", SLOT, "--synchronous", "--no-loop", "--no-password", "--verbose"]
    return os.execvpe(words[0], words, server.environment)  # noqa: S606  # no shell is wanted


def _folder_to_fill(server: SourceServer, folder: BackupFolder) -> Path:
    """Where the next segment belongs; with the slot."""
    known = sorted(folder.wal.iterdir())
    has_slot = server.has_slot()
    if known and has_slot:
        _drop_begun(known[-1], server.segment_bytes())
        return known[-1]
    if has_slot:
        raise CannotStart(
            f"the slot {SLOT} is there, and {folder.wal} is empty: is the right disk mounted? "
            f"To begin another archive, SELECT pg_drop_replication_slot('{SLOT}')"
        )
    if other := folder.other_history(server.timeline, server.history()):
        raise CannotStart(
            f"{other} is another history than this server's: both began timeline {server.timeline}, and the archive "
            "can't tell them apart. Set another BACKUP_DIR"
        )
    unused = known and not any(known[-1].iterdir())  # no slot could be made for it
    made = known[-1] if unused else folder.wal / stamp(dt.datetime.now(dt.UTC))
    made.mkdir(mode=0o700, exist_ok=True)
    postgres_user.give(made)
    server.make_slot()
    return made


def _drop_begun(folder: Path, segment_bytes: int) -> None:
    """Remove what a full disk has left of a segment before anything was written to it: pg_receivewal takes none."""
    for file in folder.glob(f"*{PARTIAL}"):
        if file.stat().st_size not in {0, segment_bytes}:
            file.unlink()
            print(f"backup: {file} was not of its size: it is received anew", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
