"""How long ago that was committed up to which is counted: pure.

    looks at the WAL's end ──all counted up to──► level: 0
          └──one not yet──► the age of the newest counted commit, or of the first look not reached

A source on which nobody votes has an old newest commit and is not behind: so it matters since when something waits. A
session that has reached none of its looks yet doesn't know that, and the newest commit alone counts.
"""

LOOKS_MAX = 64  # that wait to be reached; beyond, every second one is forgotten


class CountingLag:
    """Of one process, as its sessions tell it; moments are Unix seconds. `seconds` may be asked by any thread."""

    def __init__(self) -> None:
        self._looks: tuple[tuple[int, float], ...] = ()  # not reached: where the WAL ended, and when it did
        self._counted_lsn = 0
        self._newest_at = 0.0
        self._reached_one = False

    def begin(self, counted_lsn: int, counted_at: float) -> None:
        """A session goes on from what was counted then; where the WAL ends isn't known yet."""
        self._looks = ()
        self._counted_lsn, self._newest_at, self._reached_one = counted_lsn, counted_at, False

    def end(self) -> None:
        """The session is over: whoever counts now tells of the lag."""
        self.begin(0, 0.0)

    def learn_end(self, wal_end: int, asked_at: float) -> None:
        """The WAL ended there then."""
        looks = self._looks if len(self._looks) < LOOKS_MAX else self._looks[::2]
        self._looks = (*looks, (wal_end, asked_at))
        self._drop_reached()

    def count(self, counted_lsn: int, newest_at: float) -> None:
        """All is counted up to there; the newest commit in it was made then."""
        self._counted_lsn, self._newest_at = counted_lsn, newest_at
        self._drop_reached()

    def seconds(self, now: float) -> float:
        """The lag; 0 while nothing is known to wait."""
        for _wal_end, asked_at in self._looks[:1]:
            return max(0.0, now - max(self._newest_at, asked_at if self._reached_one else 0.0))
        return 0.0

    def _drop_reached(self) -> None:
        left = tuple(look for look in self._looks if look[0] > self._counted_lsn)
        self._reached_one = self._reached_one or len(left) < len(self._looks)
        self._looks = left
