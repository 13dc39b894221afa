"""What was counted of an event's votes at some moment, and what follows from it: pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from contract.vote_id import VoteKind

FRESH_S = 5.0  # counting again sooner tells nobody anything
OVER_S = 60.0  # … of an event that is over
REST = 10  # so many times as long as a count took nothing is counted: a tenth of a core at most
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class VoteCounts:
    """An event's votes as they were when the count began at `as_of`, or a little later; it took `took_s` seconds."""

    as_of: datetime
    took_s: float
    over: bool  # the event was, so only refusals can be more, and what was judged late
    by_minute: Mapping[datetime, int]
    by_region: Mapping[str, int]
    choices: Mapping[str, Mapping[int, int]]  # by region and contestant_no, as far as they may be told (count_choices)
    refusals: Mapping[VoteKind, int]
    assurances: Mapping[str, int]  # not of all votes: evidence may be dropped, and rules may be off
    devices: int | None  # None: couldn't be counted in time

    @property
    def votes(self) -> int:
        """All votes that were counted."""
        return sum(self.by_minute.values())

    @property
    def last_minute(self) -> int:
        """Votes in the last whole minute before the count."""
        return self.by_minute.get(self.as_of.replace(second=0, microsecond=0) - _MINUTE, 0)

    def by_hour(self) -> list[tuple[datetime, int]]:
        """Votes in each hour that has any, the first one first."""
        hours: Counter[datetime] = Counter()
        for minute, votes in self.by_minute.items():
            hours[minute.replace(minute=0)] += votes
        return sorted(hours.items())

    def regions(self) -> list[tuple[str, int]]:
        """Votes from each region that has any, most votes first."""
        return sorted(self.by_region.items(), key=lambda each: (-each[1], each[0]))

    def peak_hour(self) -> datetime | None:
        """When the hour with the most votes begins, of equal ones the first; None without any vote."""
        busiest = min(self.by_hour(), key=lambda each: (-each[1], each[0]), default=None)
        return busiest[0] if busiest else None

    def peak(self) -> tuple[datetime, int] | None:
        """The minute with the most votes, of equal ones the first; None without any vote."""
        return min(self.by_minute.items(), key=lambda each: (-each[1], each[0]), default=None)


def rest_s(took_s: float, *, over: bool = False) -> float:
    """How long to count nothing of an event after a count, also one that failed; `over`: the event was."""
    return max(OVER_S if over else FRESH_S, REST * took_s)
