"""Where backups lie, and what of them is kept. A backup is there once it is verified, or not at all.

    BACKUP_DIR/
      system                      whose they are: the system identifier of one Postgres
      base/20261130T201500123Z-full/ backup.json, written when it was verified, and data/, the files themselves
      base/20261201T201500123Z-incremental/
      wal/20261130T201400123Z/       segments, one folder for each slot that they were received through
      restored/0000000A.history      the timelines that restores began, whether anything of them was archived or not

What is being made, or taken away, ends in `.partial`; whoever makes the next backup removes it.
"""

import contextlib
import datetime as dt
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from contract.position import parse_lsn
from ops.backups.wal_segments import Branch, Segment, read_history, segment_of
from ops.embedded import postgres_user
from ops.embedded.refusal import CannotStart

FULL, INCREMENTAL = "full", "incremental"
NOTE, MANIFEST, PARTIAL = "backup.json", "backup_manifest", ".partial"


class Backup(msgspec.Struct, frozen=True):
    """A verified backup. `of` is the one that an incremental one adds to; positions are LSNs of its own WAL."""

    name: str
    kind: str
    of: str
    finished: dt.datetime
    timeline: int
    start_lsn: int
    end_lsn: int


@dataclass(frozen=True)
class BackupFolder:
    """The backups of one Postgres."""

    root: Path

    @property
    def base(self) -> Path:
        """The base backups."""
        return self.root / "base"

    @property
    def wal(self) -> Path:
        """The archived WAL."""
        return self.root / "wal"

    @property
    def restored(self) -> Path:
        """The histories of what was restored, so that no two restores begin the same timeline."""
        return self.root / "restored"

    def data(self, name: str) -> Path:
        """The files of a backup."""
        return self.base / name / "data"

    def prepare(self, system_id: str) -> None:
        """Make it for this Postgres; raises CannotStart when it is another one's, or can't be written."""
        try:
            for folder in (self.root, self.base, self.wal):
                if not folder.exists():
                    folder.mkdir(mode=0o700, parents=folder == self.root)
                    postgres_user.give(folder)
            owner = self.root / "system"
            if not owner.exists():
                owner.write_text(system_id)
            theirs = owner.read_text()
        except OSError as error:
            raise CannotStart(f"can't write to {self.root}: {error.strerror}") from error
        if theirs != system_id:
            raise CannotStart(
                f"{self.root} has backups of another Postgres (system {theirs}, and this one is {system_id}); "
                "set another BACKUP_DIR"
            )

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else makes, removes or restores backups during the block; raises CannotStart when somebody does."""
        with (self.root / "lock").open("a") as holder:
            _lock(holder, fcntl.LOCK_EX, f"another backup to {self.root}, or a restore from it, is under way")
            yield

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Nobody removes backups during the block; raises CannotStart while somebody makes one."""
        lock = self.root / "lock"
        with lock.open() if lock.exists() else contextlib.nullcontext() as holder:
            if holder:
                _lock(holder, fcntl.LOCK_SH, f"a backup to {self.root} is under way")
            yield

    def backups(self) -> list[Backup]:
        """All verified ones, oldest first; raises CannotStart for a note that can't be read."""
        known, unread = self.read_notes()
        if unread:
            raise CannotStart(unread[0])
        return known

    def read_notes(self) -> tuple[list[Backup], list[str]]:
        """The verified ones, oldest first, and why any others can't be known."""
        known, unread = [], []
        for note in sorted(note for note in self.base.glob(f"*/{NOTE}") if note.parent.suffix != PARTIAL):
            try:
                known.append(msgspec.json.decode(note.read_bytes(), type=Backup))
            except (OSError, msgspec.MsgspecError) as error:
                unread.append(f"{note} can't be read: {error}")
        return known, unread

    def remove(self, name: str) -> None:
        """Take a backup away; from the first moment on it isn't one any more."""
        leaving = self.base / f"{name}{PARTIAL}"
        (self.base / name).rename(leaving)
        shutil.rmtree(leaving)

    def sweep(self) -> None:
        """Remove what was broken off; what somebody still writes to stays for the next time."""
        for left in self.base.glob(f"*{PARTIAL}"):
            shutil.rmtree(left, ignore_errors=True)

    def segments(self, segment_bytes: int) -> dict[Path, Segment]:
        """The archived segments by their files."""
        named = ((file, segment_of(file.name, segment_bytes)) for file in self.wal.glob("*/*"))
        return {file: segment for file, segment in named if segment}

    def newest_segments(self) -> dict[Path, float]:
        """The last one and the one that is being written, and the Unix times of the last writes to them.

        The names sort as they are written, on one timeline.
        """
        into = sorted(self.wal.iterdir())[-1:]
        written = dict[Path, float]()
        for file in (file for folder in into for file in sorted(folder.iterdir())[-2:]):
            with contextlib.suppress(FileNotFoundError):  # it has just got its final name
                written[file] = file.stat().st_mtime
        return written

    def history(self, timeline: int) -> list[Branch]:
        """The timelines before this one, as far as the archive tells."""
        return next((read_history(file.read_text()) for file in self.wal.glob(f"*/{timeline:08X}.history")), [])

    def take_timeline(self, history: Path) -> None:
        """Remember the history of a timeline that a restore has begun; raises OSError, FileExistsError if it is taken.

        Without that the next restore would begin one of the same number, and what follows from each would mix.
        """
        self.restored.mkdir(mode=0o700, exist_ok=True)
        postgres_user.give(self.restored)
        with (self.restored / history.name).open("xb") as taken:
            taken.write(history.read_bytes())
            taken.flush()
            os.fsync(taken.fileno())
        postgres_user.give(self.restored / history.name)
        sync(self.restored)

    def other_history(self, timeline: int, history: str) -> Path | None:
        """A file that tells another history of this timeline than its server: what is archived of it is another's."""
        known = self.wal.glob(f"*/{timeline:08X}.history")
        return next((file for file in known if file.read_text() != history), None)

    def timeline(self) -> int:
        """The newest one in the archive; 1 when there is none."""
        return max((int(file.stem, 16) for file in self.wal.glob("*/*.history")), default=1)


def _lock(holder: IO[str], how: int, otherwise: str) -> None:
    try:
        fcntl.flock(holder, how | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotStart(otherwise) from None


def sync(folder: Path) -> None:
    """A disk that loses its power knows the names in it afterwards."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def stamp(moment: dt.datetime) -> str:
    """A name for what was begun then; sorts by time."""
    return f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03}Z"


def chain_of(backups: Sequence[Backup], last: Backup) -> list[Backup]:
    """A backup with all that it adds to, the full one first; raises CannotStart when one of them isn't there."""
    by_name = {backup.name: backup for backup in backups}
    chain = [last]
    while chain[0].kind != FULL:
        if chain[0].of not in by_name:
            raise CannotStart(f"{chain[0].name} adds to {chain[0].of}, which isn't there: move it away, too")
        chain.insert(0, by_name[chain[0].of])
    return chain


def with_chains(backups: Sequence[Backup]) -> list[Backup]:
    """Those, oldest first, that can be restored since all that they add to is there."""
    whole: dict[str, Backup] = {}
    for backup in backups:
        if backup.kind == FULL or backup.of in whole:
            whole[backup.name] = backup
    return list(whole.values())


def on_branch(backup: Backup, timeline: int, history: Sequence[Branch]) -> bool:
    """Whether a timeline goes on from this backup: it was taken of nothing that an earlier restore has left behind."""
    until = {branch.timeline: branch.until_lsn for branch in history}
    return backup.timeline == timeline or backup.end_lsn <= until.get(backup.timeline, -1)


def to_remove(backups: Sequence[Backup], fulls_kept: int, timeline: int, history: Sequence[Branch]) -> list[Backup]:
    """What is older than the last so many full ones and nothing kept adds to; newest first, so that none is ever
    left without what it adds to. Full ones of what an earlier restore has left behind don't count.
    """
    fulls = [backup for backup in backups if backup.kind == FULL and on_branch(backup, timeline, history)]
    if len(fulls) < fulls_kept:
        return []
    kept = [backup for backup in backups if backup.name >= fulls[-fulls_kept].name]
    needed = {each.name for backup in kept for each in chain_of(backups, backup)}
    return [backup for backup in reversed(backups) if backup.name not in needed]


def range_in(manifest: Path) -> tuple[int, int, int]:
    """Timeline, first and last LSN of the WAL that a backup needs, as Postgres' manifest of it tells."""
    told: dict[str, Any] = json.loads(manifest.read_text())
    ranges = told["WAL-Ranges"]
    start, end = (parse_lsn(ranges[at][key]) for at, key in ((0, "Start-LSN"), (-1, "End-LSN")))
    return int(ranges[-1]["Timeline"]), start, end
