"""What may be shown of an event, and what may follow it: pure decisions, no I/O.

    Redis, every source, listeners alive    exact
    Redis, but a listener is silent         stale
    the checkpoint on the replica           stale, never final: its status may be ahead of its counts

A later reading is shown only if it doesn't take anything back: by epoch and version, and when an older one with
the same counts brings news (a status, an end, freshness), it takes over the version that was shown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from contract.standings import FINAL_STATUSES, SourceTally, Standings, add_up

UNKNOWN_TIME = "1970-01-01T00:00:00.000000Z"


@dataclass(frozen=True, slots=True)
class Reading:
    """Standings with what is known of their worth: `stale` may lag, `final` can't change any more."""

    standings: Standings
    stale: bool
    final: bool

    @property
    def stream_id(self) -> str:
        """The id of these standings in a stream."""
        return f"{self.standings.epoch}-{self.standings.version}"


def from_redis(tallies: Iterable[SourceTally], sources: Sequence[str], *, fresh: bool) -> Reading | None:
    """The reading of one event, or None when Redis knows nothing of it."""
    standings = add_up(tallies, sources)
    if standings is None:
        return None
    final = standings.complete and standings.status in FINAL_STATUSES  # `closed` comes after the last vote
    return Reading(standings, stale=not (final or (fresh and standings.complete)), final=final)


def from_checkpoint(tallies: Iterable[SourceTally], sources: Sequence[str], event_id: str, status: str) -> Reading:
    """The reading of one event while Redis is away; all zero when nothing was ever checkpointed."""
    nothing = Standings(event_id, 0, 0, status, UNKNOWN_TIME, {}, complete=False)
    return Reading(add_up(tallies, sources) or nothing, stale=True, final=False)


def follow(shown: Reading | None, read: Reading) -> Reading:
    """What to show after `shown` when `read` was read: never less, never an older version in the same epoch."""
    if shown is None or not shown.standings.newer_than(read.standings):
        return read
    if shown.standings.epoch == read.standings.epoch and shown.standings.counts == read.standings.counts:
        return Reading(msgspec.structs.replace(read.standings, version=shown.standings.version), read.stale, read.final)
    return Reading(shown.standings, stale=True, final=False)
