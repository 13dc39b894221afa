"""How the parts of a vote's road do, as each of their processes says every second, through Redis.

What is slow is taken from the buckets of a histogram that is there anyway: so no vote pays for it.
"""

import enum
import os
import socket
import time
from collections import deque
from collections.abc import Sequence

import msgspec

from contract.answer_text import Time
from contract.metering import version

REPORT_EVERY_S = 1.0
RECENT_REPORTS = 10  # what "slow" is said of: the votes or pushes of so many seconds
SLOW_SHARE = 0.99
EVENTS_WATCHED_MAX = 500  # of a report: those with most viewers


class Part(enum.StrEnum):
    """What a process does for a vote."""

    VOTES = "votes"  # takes them and commits them
    STREAMS = "streams"  # shows what is counted
    COUNTING = "counting"  # counts them
    READS = "reads"  # answers about events, results and votes
    PEOPLE = "people"  # lets voters in


class Trouble(msgspec.Struct, frozen=True):
    """The last warning of a process, as it stands in its log, and when that was."""

    message: str
    at: Time


class Process(msgspec.Struct, frozen=True):
    """Which process says it: what runs there, since when (Unix seconds)."""

    host: str
    pid: int
    version: str
    started_at: float

    @classmethod
    def this(cls) -> "Process":
        """The calling one, which starts now."""
        return cls(socket.gethostname(), os.getpid(), version(), time.time())


class RoadReport(msgspec.Struct, frozen=True):
    """One process at one moment, `at` by its own clock in Unix seconds."""

    part: Part
    at: float
    waiting: int  # votes that are taken and not committed yet
    slow_ms: float | None  # within this 99 of 100 were done lately; None: there were none
    watching: int  # viewers with a stream
    watching_by_event: dict[str, int]
    trouble: Trouble | None
    process: Process
    why_not_ready: str  # "": it is ready
    lag_s: float | None  # how far counting is behind; None: it counts nothing


def report_field(report: RoadReport) -> str:
    """The field of this process' reports in the hash of `road_key`."""
    return f"{report.part}:{report.process.host}:{report.process.pid}"


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
