"""How long ago that was committed up to which is counted: pure.

    the WAL's end is known ──counted up to it──► level: 0
          └──not yet──► the age of the newest counted commit, or of the moment when counting was level last

A source on which nobody votes has an old newest commit and is not behind: so it matters when counting was level last.
"""


class CountingLag:
    """Of one process, as its sessions tell it; moments are Unix seconds. `seconds` may be asked by any thread."""

    def __init__(self) -> None:
        self._wal_end = self._counted_lsn = 0
        self._asked_at = self._newest_at = self._level_at = 0.0

    def begin(self, counted_lsn: int, counted_at: float) -> None:
        """A session goes on from what was counted then; where the WAL ends isn't known yet."""
        self._wal_end, self._counted_lsn = 0, counted_lsn
        self._newest_at, self._level_at = counted_at, 0.0

    def learn_end(self, wal_end: int, asked_at: float) -> None:
        """The WAL ended there then."""
        self._wal_end, self._asked_at = wal_end, asked_at

    def count(self, counted_lsn: int, newest_at: float) -> None:
        """All is counted up to there; the newest commit in it was made then."""
        self._counted_lsn, self._newest_at = counted_lsn, newest_at
        if counted_lsn >= self._wal_end:
            self._level_at = self._asked_at

    def seconds(self, now: float) -> float:
        """The lag; 0 while nothing is known to wait."""
        if self._counted_lsn >= self._wal_end:
            return 0.0
        return max(0.0, now - max(self._newest_at, self._level_at))
