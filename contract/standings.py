"""Tallies, standings and event changes as they travel through Redis, the WAL and the streams.

Fanout writes one `SourceTally` per event and source, absolute and positioned; readers add the sources up
into `Standings`. `version` is the sum of the sources' LSNs and `epoch` is kept in Postgres, so both
survive the loss of Redis and need no counter.
"""

from collections.abc import Iterable, Sequence

import msgspec

EVENT_MESSAGE_PREFIX = "vote.event"  # of the logical messages that carry an `EventChange`
FINAL_STATUSES = frozenset({"closed", "cancelled"})


class EventChange(msgspec.Struct, frozen=True):
    """An event after a change of it, in order with the votes (written by SQL, see emit_event_change)."""

    event_no: int
    event_id: str
    status: str
    at: str  # RFC 3339: since when it has this status
    change_no: int = 0  # rises with each change of the event
    visibility: str = "public"  # of its results: public, after_close, staff
    frozen: bool = False  # the public sees the standings of this change
    revealed: int | None = None  # so many places are shown, from the last up; None: no reveal


class SourceTally(msgspec.Struct, frozen=True):
    """Absolute counts of one event in one source at one LSN."""

    event_id: str
    source: str
    epoch: int
    lsn: int
    status: str
    as_of: str  # RFC 3339: commit time of the newest change that is counted
    counts: dict[int, int]  # contestant_no -> votes


class AppliedPosition(msgspec.Struct, frozen=True):
    """How far one source is counted; `at` is the writer's clock in Unix seconds and tells a dead listener."""

    system_id: int
    timeline: int
    lsn: int
    at: float
    epoch: int = 0


class Standings(msgspec.Struct, frozen=True):
    """The sum over all sources. `complete` is false while a source has not written yet."""

    event_id: str
    epoch: int
    version: int
    status: str
    as_of: str
    counts: dict[int, int]
    complete: bool

    @property
    def total_votes(self) -> int:
        """All votes of the event."""
        return sum(self.counts.values())

    def newer_than(self, other: "Standings") -> bool:
        """Whether this may replace `other` on a screen: by epoch, then by version."""
        return (self.epoch, self.version) > (other.epoch, other.version)


def add_up(tallies: Iterable[SourceTally], sources: Sequence[str]) -> Standings | None:
    """Standings from the tallies of one event, or None when there is none; unknown sources are left out."""
    by_source = {tally.source: tally for tally in tallies}
    present = [by_source[source] for source in sources if source in by_source]
    if not present:
        return None
    counts: dict[int, int] = {}
    for tally in present:
        for contestant_no, votes in tally.counts.items():
            counts[contestant_no] = counts.get(contestant_no, 0) + votes
    return Standings(
        event_id=present[0].event_id,
        epoch=sum(tally.epoch for tally in present),
        version=sum(tally.lsn for tally in present),
        status=_joint_status([tally.status for tally in present]),
        as_of=max(tally.as_of for tally in present),
        counts=counts,
        complete=len(present) == len(sources),
    )


def _joint_status(statuses: list[str]) -> str:
    """An event is over only when each source has said so: votes before a close may still come from the others."""
    if all(status in FINAL_STATUSES for status in statuses):
        return statuses[0]
    return next(status for status in statuses if status not in FINAL_STATUSES)
