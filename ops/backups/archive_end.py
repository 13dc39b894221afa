"""Whether a replay came to the end of the archive: Postgres takes WAL that is damaged for its end, and is content."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from contract.position import lsn_text
from ops.backups.source_server import PostgresPrograms
from ops.backups.wal_segments import Segment
from ops.embedded.refusal import CannotStart


@dataclass(frozen=True)
class ArchiveEnd:
    """Where the WAL of one timeline, which begins at the LSN `begins`, ends in the archive."""

    archived: Mapping[Path, Segment]
    newest: Path
    begins: int
    segment_bytes: int

    def check(self, programs: PostgresPrograms, reached: int) -> None:
        """Raises CannotStart when the replay ended at the LSN `reached` and should have gone on.

        It must come to where the timeline begins, into the last whole segment, and through it: unless that can be read
        to its end, and its last record only goes on in what was never received.
        """
        whole = self._last_whole()
        starts = self.archived[whole].number * self.segment_bytes if whole else 0
        ends = starts + self.segment_bytes
        if reached < max(self.begins, starts) or (whole and reached < ends and not _is_readable(programs, whole)):
            raise CannotStart(
                f"the WAL could be replayed up to {lsn_text(reached)} only, where it is damaged or can't be read, and "
                f"the archive goes on to {lsn_text(max(self.begins, ends))}; mend that, or --to a moment before it"
            )

    def unread_bytes(self, reached: int) -> int:
        """How much was written, after that, to the segment that was still being received: zeros filled it before."""
        if not self.newest.suffix:
            return 0
        read = max(0, reached - self.archived[self.newest].number * self.segment_bytes)
        return len(self.newest.read_bytes()[read:].rstrip(b"\0"))

    def _last_whole(self) -> Path | None:
        """The one before that which was being received, on whichever timeline it is; None: nothing was before."""
        timeline, number = self.archived[self.newest]
        before = number - 1 if self.newest.suffix else number
        whole = [file for file, each in self.archived.items() if each.number == before and not file.suffix]
        own = [file for file in whole if self.archived[file].timeline <= timeline]
        return max(own, key=self.archived.__getitem__, default=None)


def _is_readable(programs: PostgresPrograms, segment: Path) -> bool:
    try:
        programs.run("pg_waldump", segment.parent, ["--quiet", segment.name])
    except CannotStart:
        return False
    return True
