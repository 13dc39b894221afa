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
from ops.backups.backup_folder import MANIFEST, PARTIAL, Backup, BackupFolder, chain_of, on_branch, with_chains
from ops.backups.recovery import Recovered, recover
from ops.backups.settings import BackupPlace
from ops.backups.source_server import PostgresPrograms
from ops.backups.wal_segments import Segment, missing, name_of, segment_of
from ops.embedded import postgres_user
from ops.embedded.data_folder import DataFolder
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
        timeline = self.timeline or self.backups.timeline()
        history = self.backups.history(timeline)
        known, unread = self.backups.read_notes()
        for why in unread:
            print(f"Not taken: {why}", file=sys.stderr)
        known = with_chains(known)
        last = self._backup_before([backup for backup in known if on_branch(backup, timeline, history)])
        chain = chain_of(known, last)
        segment_bytes = self._segment_bytes()
        archived = self.backups.segments(segment_bytes)  # as of now: while others are replayed more may come
        there = set(archived.values())
        if not any(each.timeline == timeline for each in there):
            raise CannotStart(f"{self.backups.wal} has no WAL of timeline {timeline}; --timeline names another one")
        first = Segment(last.timeline, (last.end_lsn - 1) // segment_bytes)
        gone = missing(first, timeline, history, there, segment_bytes)
        if gone and self.to is None:
            raise CannotStart(
                f"{_names(gone, segment_bytes)} missing from {self.backups.wal}; --to a moment before that"
            )
        building = self.into.with_name(f"{self.into.name}{PARTIAL}")
        building.mkdir(mode=0o700)
        try:
            postgres_user.give(building)
            self._put_together(chain, building)
            newest = max((each.number for each in there if each.timeline == timeline), default=first.number)
            try:
                recovered = self._replay(building, timeline, newest - first.number + 1)
            except CannotStart as error:
                hint = f"\n{_names(gone, segment_bytes)} missing from {self.backups.wal}" if gone else ""
                raise CannotStart(f"{error}{hint}") from error
            if self.to is None:
                whole = (file for file, each in archived.items() if each.timeline == timeline and not file.suffix)
                begins = history[-1].until_lsn if history else 0
                newest_whole = max(whole, key=archived.__getitem__, default=None)
                self._refuse_less(recovered.end_lsn, begins, newest_whole, segment_bytes)
            building.rename(self.into)
        except BaseException:
            shutil.rmtree(building)
            raise
        return recovered

    def _refuse_less(self, reached: int, begins: int, newest: Path | None, segment_bytes: int) -> None:
        """Postgres takes WAL that is damaged for its end, and is content.

        The replay must come to where the timeline begins, into its newest whole segment, and through it: unless that
        can be read to its end, and its last record only goes on in a segment that was never received.
        """
        segment = segment_of(newest.name, segment_bytes) if newest else None
        starts = segment.number * segment_bytes if segment else 0
        ends = starts + segment_bytes
        if reached < max(begins, starts) or (newest and reached < ends and not self._is_readable(newest)):
            raise CannotStart(
                f"the WAL could be replayed up to {lsn_text(reached)} only, where it is damaged or can't be read, and "
                f"the archive goes on to {lsn_text(max(begins, ends))}; mend that, or --to a moment before it"
            )

    def _is_readable(self, segment: Path) -> bool:
        try:
            self.programs.run("pg_waldump", segment.parent, ["--quiet", segment.name])
        except CannotStart:
            return False
        return True

    def _refuse_what_is_there(self) -> None:
        for path in (self.into, self.into.with_name(f"{self.into.name}{PARTIAL}")):
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

    def _replay(self, building: Path, timeline: int, segments: int) -> Recovered:
        with tqdm(total=segments, desc="Replaying the WAL", unit="segment", disable=None) as bar:
            return recover(self.programs, building, self.backups.wal, self.to, timeline, replayed=bar.update)


def _names(segments: Sequence[Segment], segment_bytes: int) -> str:
    first = name_of(segments[0], segment_bytes)
    return f"the segment {first} is" if len(segments) == 1 else f"{len(segments)} segments from {first} on are"


def _moment(text: str) -> dt.datetime | None:
    if text == "latest":
        return None
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(dt.UTC)


def main() -> int:
    """The command line."""
    line = argparse.ArgumentParser(prog="./ops/restore", description=__doc__.splitlines()[0], allow_abbrev=False)
    line.add_argument("--to", type=_moment, required=True, metavar="TIME", help="latest, or as 2026-11-30T20:15:00Z")
    line.add_argument("--into", type=Path, required=True, metavar="FOLDER", help="where Postgres' files will be")
    line.add_argument("--timeline", type=int, default=0, help="which history after an earlier restore; else the newest")
    given = line.parse_args()
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
    start = "./ops/up" if into == stack.postgres else f"pg_ctl -D {into} start (./ops/up runs {stack.postgres})"
    print(f"Restored:  {into}, timeline {done.timeline}")
    print(f"Up to:     {done.moment or 'the end of the backup, no commit after it'}, LSN {lsn_text(done.end_lsn)}")
    print(NEXT.format(start=start))
    return 0


if __name__ == "__main__":
    sys.exit(main())
