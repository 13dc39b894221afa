"""How the parts of a vote's road do, as each of their processes says every second, through Redis: pure.

What is slow is taken from the buckets of a histogram that is there anyway: so no vote pays for it.
"""

import enum
from collections import deque
from collections.abc import Sequence

import msgspec

from contract.answer_text import Time

REPORT_EVERY_S = 1.0
RECENT_REPORTS = 10  # what "slow" is said of: the votes or pushes of so many seconds
SLOW_SHARE = 0.99
EVENTS_WATCHED_MAX = 500  # of a report: those with most viewers


class Part(enum.StrEnum):
    """What a process does for a vote."""

    VOTES = "votes"  # takes them and commits them
    STREAMS = "streams"  # shows what is counted


class Trouble(msgspec.Struct, frozen=True):
    """The last warning of a process, as it stands in its log, and when that was."""

    message: str
    at: Time


class RoadReport(msgspec.Struct, frozen=True):
    """One process at one moment, `at` by its own clock in Unix seconds."""

    part: Part
    at: float
    waiting: int  # votes that are taken and not committed yet
    slow_ms: float | None  # within this 99 of 100 were done lately; None: there were none
    watching: int  # viewers with a stream
    watching_by_event: dict[str, int]
    trouble: Trouble | None


class RecentLatency:
    """What was slow lately, from a growing histogram's counts up to each bound (seconds, the last one infinite)."""

    def __init__(self, bounds_s: Sequence[float]) -> None:
        self._bounds_s = bounds_s
        self._seen = deque[Sequence[float]](maxlen=RECENT_REPORTS + 1)

    def slow_ms(self, counts: Sequence[float]) -> float | None:
        """The bound within which 99 of 100 were since RECENT_REPORTS calls ago; beyond all of them: the last finite."""
        self._seen.append(counts)
        lately = [now - before for now, before in zip(counts, self._seen[0], strict=True)]
        if not lately[-1]:
            return None
        at = next(index for index, count in enumerate(lately) if count >= SLOW_SHARE * lately[-1])
        return 1000 * self._bounds_s[min(at, len(self._bounds_s) - 2)]
