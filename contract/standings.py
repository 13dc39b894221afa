"""Tallies, standings and event changes as they travel through Redis, the WAL and the streams.

Fanout writes one `SourceTally` per event and source, absolute and positioned; readers add the sources up
into `Standings`. `version` is the sum of the sources' LSNs and `epoch` is kept in Postgres, so both
survive the loss of Redis and need no counter. Numbers never travel without what decides who may see them (`OnAir`),
nor, while the public sees an earlier moment, without the numbers of that moment (`Freeze`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from contract.position import Position

EVENT_MESSAGE_PREFIX = "vote.event"  # of the logical messages that carry an `EventChange`
FINAL_STATUSES = frozenset({"closed", "cancelled"})


# So long after it was read, a number may be shown to the public, and no longer. Whoever hides results therefore waits
# until every source has applied the change, and then for so long: after that no process shows them, whatever it heard.
SHOWN_FOR_S = 2.0


class OnAir(NamedTuple):
    """What decides who may see an event's numbers, as of its change `change_no`; of two the later one is right."""

    change_no: int = 0
    status: str = ""
    visibility: str = "staff"  # of the results: public, after_close, staff
    frozen: bool = False  # the public sees the numbers of an earlier moment
    revealed: int | None = None  # so many places are shown, from the last up; None: no reveal


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

    @property
    def on_air(self) -> OnAir:
        """Who may see the numbers from here on."""
        return OnAir(self.change_no, self.status, self.visibility, self.frozen, self.revealed)


class Freeze(msgspec.Struct, frozen=True):
    """What the public sees while an event is frozen."""

    lsn: int  # of the newest change of the event since: a version that tells nothing of votes
    as_of: str  # RFC 3339: commit time of the freeze
    counts: dict[int, int]  # contestant_no -> votes at that moment


class SourceTally(msgspec.Struct, frozen=True):
    """Absolute counts of one event in one source at one LSN, and who may see them as of there."""

    event_id: str
    source: str
    epoch: int
    lsn: int
    status: str
    as_of: str  # RFC 3339: commit time of the newest change that is counted
    counts: dict[int, int]  # contestant_no -> votes
    change_no: int = 0
    visibility: str = "staff"
    frozen: bool = False
    revealed: int | None = None
    freeze: Freeze | None = None  # None though `frozen`: nobody knows any more what the counts were

    @property
    def on_air(self) -> OnAir:
        """Who may see the numbers."""
        return OnAir(self.change_no, self.status, self.visibility, self.frozen, self.revealed)


class TracedTally(SourceTally, frozen=True, kw_only=True):
    """A tally as it is published while some of the votes that are new in it are traced: never stored."""

    traces: list[str]  # W3C traceparents, of their spans in fanout


class AppliedPosition(msgspec.Struct, frozen=True):
    """How far one source is counted; `at` is the writer's clock in Unix seconds and tells a dead listener."""

    system_id: int
    timeline: int
    lsn: int
    at: float  # 0: its keys are still being written, so it says nothing of them (fanout/redis_writer.py)
    epoch: int = 0

    def has_reached(self, end: Position) -> bool:
        """Whether all that lies before `end` is counted; of another system or an older timeline nothing is known.

        Redis outlives a Postgres that was restored, and then tells of a higher LSN in a history that is gone.
        """
        if not self.at or (self.system_id - end.system_id) % 2**64:  # Postgres' bigint is signed, the identifier isn't
            return False
        return self.timeline >= end.timeline and self.lsn >= end.lsn


class Standings(msgspec.Struct, frozen=True):
    """The sum over all sources. `complete` is false while a source has not written yet."""

    event_id: str
    epoch: int
    version: int
    status: str
    as_of: str
    counts: dict[int, int]
    complete: bool
    on_air: OnAir = OnAir()  # as the source that is furthest says
    freeze: Freeze | None = None

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
    return Standings(
        event_id=present[0].event_id,
        epoch=sum(tally.epoch for tally in present),
        version=sum(tally.lsn for tally in present),
        status=_joint_status([tally.status for tally in present]),
        as_of=max(tally.as_of for tally in present),
        counts=_sum(tally.counts for tally in present),
        complete=len(present) == len(sources),
        on_air=max((tally.on_air for tally in present), key=lambda on_air: on_air.change_no),
        freeze=_joint_freeze(present),
    )


def _sum(several: Iterable[Mapping[int, int]]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for each in several:
        for contestant_no, votes in each.items():
            counts[contestant_no] = counts.get(contestant_no, 0) + votes
    return counts


def _joint_freeze(tallies: Sequence[SourceTally]) -> Freeze | None:
    """Each source freezes at its own position: one that has not got there yet counts on until it does.

    None when nothing is frozen yet, or one that is frozen has lost its counts.
    """
    if not any(tally.freeze for tally in tallies) or any(tally.frozen and not tally.freeze for tally in tallies):
        return None
    parts = [tally.freeze or Freeze(tally.lsn, tally.as_of, tally.counts) for tally in tallies]
    as_of = max(tally.freeze.as_of for tally in tallies if tally.freeze)
    return Freeze(sum(part.lsn for part in parts), as_of, _sum(part.counts for part in parts))


def _joint_status(statuses: list[str]) -> str:
    """An event is over only when each source has said so: votes before a close may still come from the others."""
    if all(status in FINAL_STATUSES for status in statuses):
        return statuses[0]
    return next(status for status in statuses if status not in FINAL_STATUSES)
