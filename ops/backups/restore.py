"""Makes a folder of Postgres as it was at a moment, or as late as there is WAL; overwrites nothing.

    backup before the moment ─► verified ─► put together ─► WAL replayed ─► promoted, stopped ─► gets its name

FOLDER is there when all of that is done, or not at all. It has a timeline of its own, so whatever is shown or archived
from there on can't be taken for what came after the moment before. Exit codes: 0; 1 after a line that says why not; 2.
"""

import argparse
import datetime as dt
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from contract.position import lsn_text
from contract.settings import SettingError, read
from ops.backups.archive_end import ArchiveEnd
from ops.backups.backup_folder import MANIFEST, PARTIAL, Backup, BackupFolder, chain_of, on_branch, with_chains
from ops.backups.recovery import Recovered, recover, restore_command
from ops.backups.settings import BackupPlace
from ops.backups.source_server import PostgresPrograms
from ops.backups.wal_segments import Segment, missing, name_of
from ops.embedded import postgres_user
from ops.embedded.data_folder import DataFolder
from ops.embedded.interruption import break_off_by_signals, ignore_signals
from ops.embedded.postgres_server import write_configuration
from ops.embedded.refusal import CannotStart

NEXT = """\
Start it:  {start}
Then       - restart the services that point to it; fanout makes a new slot, counts the ledger anew and outranks what
             Redis shows; nothing of Redis is needed
           - people who voted after that moment may vote again, their receipts are nobody's; sessions, revocations and
             roles are as they were then (ops/runbooks/backup.md)
           - synchronous_standby_names and synchronized_standby_slots were reset: decide them anew
           - ./ops/backup
Not in it: keys and secrets (seals, receipts, seeds, signing). Without them votes can be counted, not verified."""


@dataclass(frozen=True)
class _Plan:
    """What a restore will do: the backups to put together, the first segment after them; what is missing, in words."""

    timeline: int
    chain: list[Backup]
    first: Segment
    end: ArchiveEnd
    lacks: str


@dataclass(frozen=True)
class Restore:
    """One restore; `to` None means as late as possible, `timeline` 0 the newest."""

    backups: BackupFolder
    programs: PostgresPrograms
    to: dt.datetime | None
    into: Path
    timeline: int = 0

    def run(self) -> Recovered:
        """Return when FOLDER is there; raises CannotStart."""
        with self.backups.undisturbed():
            return self._run()

    def _run(self) -> Recovered:
        self._refuse_what_is_there()
        plan = self._plan()
        building = Path(f"{self.into}{PARTIAL}")
        building.mkdir(mode=0o700)
        try:
            postgres_user.give(building)
            self._put_together(plan.chain, building)
            recovered = self._replay(building, plan)
            if self.to is None:
                self._check_end(plan.end, recovered.end_lsn)
            self._take_timeline(recovered)
            building.rename(self.into)
        except BaseException:
            ignore_signals()
            shutil.rmtree(building)
            raise
        return recovered

    def _plan(self) -> "_Plan":
        """Raises CannotStart when what is there doesn't lead to that moment."""
        segment_bytes = self._segment_bytes()
        archived = self._archived(segment_bytes)  # as of now: while others are replayed more may come
        timeline = self.timeline or self.backups.timeline()
        own = (file for file, each in archived.items() if each.timeline == timeline)
        newest = max(own, key=lambda file: (archived[file], file), default=None)
        if newest is None:
            raise CannotStart(f"{self.backups.wal} has no WAL of timeline {timeline}; --timeline names another one")
        history = self.backups.history(timeline)
        begins = history[-1].until_lsn if history else 0
        if history and self.to:
            print(f"Timeline {timeline}, which went on from timeline {history[-1].timeline} at {lsn_text(begins)}.")
        known, unread = self.backups.read_notes()
        for why in unread:
            print(f"Not taken: {why}", file=sys.stderr)
        known = with_chains(known)
        last = self._backup_before([backup for backup in known if on_branch(backup, timeline, history)])
        first = Segment(last.timeline, (last.end_lsn - 1) // segment_bytes)
        # Of the newest one the beginning is enough; after any other that isn't whole something is missing.
        there = {each for file, each in archived.items() if not file.suffix} | {archived[newest]}
        gone = missing(first, timeline, history, there, segment_bytes)
        lacks = f"{_names(gone, segment_bytes)} missing from {self.backups.wal}" if gone else ""
        if lacks and self.to is None:
            raise CannotStart(f"{lacks}; --to a moment before that")
        return _Plan(timeline, chain_of(known, last), first, ArchiveEnd(archived, newest, begins, segment_bytes), lacks)

    def _archived(self, segment_bytes: int) -> dict[Path, Segment]:
        """Without what was never written to: the receiver had no room for a segment."""
        archived = self.backups.segments(segment_bytes)
        return {file: archived[file] for file in archived if not file.suffix or file.stat().st_size == segment_bytes}

    def _check_end(self, end: ArchiveEnd, reached: int) -> None:
        end.check(self.programs, reached)
        if left := end.unread_bytes(reached):
            print(
                f"Not replayed: {left} bytes of {end.newest} after {lsn_text(reached)}; they are damaged, or the "
                "beginning of a record that never came whole",
                file=sys.stderr,
            )

    def _take_timeline(self, recovered: Recovered) -> None:
        number = recovered.timeline
        try:
            self.backups.take_timeline(recovered.history)
        except FileExistsError:
            raise CannotStart(f"another restore has begun timeline {number} meanwhile: run it again") from None
        except OSError as error:
            print(
                f"{self.backups.restored} can't be written ({error.strerror}): the next restore will begin timeline "
                f"{number}, too, and one archive can't take both",
                file=sys.stderr,
            )

    def _refuse_what_is_there(self) -> None:
        for path in (self.into, Path(f"{self.into}{PARTIAL}")):
            if path.exists() or path.is_symlink():
                raise CannotStart(f"{path} is there already, and nothing is overwritten: move it away, or name another")
        if not self.into.parent.is_dir():
            raise CannotStart(f"{self.into.parent} is no folder")

    def _backup_before(self, known: Sequence[Backup]) -> Backup:
        fit = [backup for backup in known if self.to is None or backup.finished <= self.to]
        if fit:
            return fit[-1]
        if known:
            raise CannotStart(
                f"the oldest backup was finished at {known[0].finished.isoformat()}: nothing reaches back further"
            )
        raise CannotStart(f"{self.backups.root} has no verified backup")

    def _segment_bytes(self) -> int:
        """As large as the archive's files are."""
        sizes = {file.stat().st_size for file in self.backups.wal.glob("*/*") if len(file.stem) == 24}
        if not sizes:
            raise CannotStart(f"{self.backups.wal} has no WAL")
        return max(sizes)

    def _put_together(self, chain: Sequence[Backup], building: Path) -> None:
        sources = [self.backups.data(backup.name) for backup in chain]
        for source in sources:
            print(f"Verifying {source.parent.name} …", flush=True)
            self.programs.run("pg_verifybackup", building, ["--progress", str(source)])
        print(f"Putting {len(sources)} backups together …" if len(sources) > 1 else "Copying …", flush=True)
        self.programs.run("pg_combinebackup", building, [*map(str, sources), "-o", str(building)])
        (building / MANIFEST).unlink()  # it is true for a moment only
        (building / "standby.signal").unlink(missing_ok=True)
        if not (building / "postgresql.conf").exists():  # elsewhere than with the data, as Debian does it
            write_configuration(building)

    def _replay(self, building: Path, plan: "_Plan") -> Recovered:
        segments = plan.end.archived[plan.end.newest].number - plan.first.number + 1
        restore_by = restore_command(self.backups, plan.end.segment_bytes)
        with tqdm(total=segments, desc="Replaying the WAL", unit="segment", disable=None) as bar:
            try:
                return recover(self.programs, building, restore_by, self.to, plan.timeline, replayed=bar.update)
            except CannotStart as error:
                raise CannotStart("\n".join(filter(None, [str(error), plan.lacks]))) from error


def _names(segments: Sequence[Segment], segment_bytes: int) -> str:
    first = name_of(segments[0], segment_bytes)
    return f"the segment {first} is" if len(segments) == 1 else f"{len(segments)} segments from {first} on are"


def _moment(text: str) -> dt.datetime | None:
    if text == "latest":
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo:
            return moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        pass
    raise argparse.ArgumentTypeError(f"{text} is neither latest nor a moment with its zone, as 2026-11-30T20:15:00Z")


def main() -> int:
    """The command line."""
    line = argparse.ArgumentParser(prog="./ops/restore", description=__doc__.splitlines()[0], allow_abbrev=False)
    line.add_argument("--to", type=_moment, required=True, metavar="TIME", help="latest, or as 2026-11-30T20:15:00Z")
    line.add_argument("--into", type=Path, required=True, metavar="FOLDER", help="where Postgres' files will be")
    line.add_argument("--timeline", type=int, default=0, help="which history after an earlier restore; else the newest")
    given = line.parse_args()
    break_off_by_signals()
    try:
        place = read(BackupPlace, os.environ)
    except SettingError as error:
        print(f"restore: {error}", file=sys.stderr)
        return 2
    stack = DataFolder(Path(os.environ["DATA_DIR"]).absolute())
    into = given.into.absolute()
    backups = BackupFolder((place.folder or stack.backups).absolute())
    try:
        done = Restore(backups, PostgresPrograms(place.programs), given.to, into, given.timeline).run()
    except (CannotStart, OSError) as reason:
        print(f"restore: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("restore: broken off; nothing is left of it", file=sys.stderr)
        return 1
    start = "./ops/up" if into == stack.postgres else f"pg_ctl -D {into} start, as the files' owner"
    print(f"Restored:  {into}, timeline {done.timeline}")
    print(f"Up to:     {done.moment or 'the end of the backup, no commit after it'}, LSN {lsn_text(done.end_lsn)}")
    print(NEXT.format(start=start))
    return 0


if __name__ == "__main__":
    sys.exit(main())
