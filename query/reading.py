"""What may be shown of an event, and what may follow it: pure decisions, no I/O.

    Redis, every source, listeners alive    exact
    Redis, but a listener is silent         stale
    the checkpoint on the replica           stale, never final: its status may be ahead of its counts

A later reading is shown only if it doesn't take anything back: by epoch and version, and when an older one with
the same counts brings news (a status, an end, freshness), it takes over the version that was shown. What is final stays
so. Who may see the numbers is another question (on_air): a reading knows the newest change that any of them knew of.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from contract.standings import FINAL_STATUSES, OnAir, SourceTally, Standings, add_up

UNKNOWN_TIME = "1970-01-01T00:00:00.000000Z"


@dataclass(frozen=True, slots=True)
class Reading:
    """Standings with what is known of their worth: `stale` may lag, `final` can't change any more.

    `on_air` is at least as new as that of the standings, which belongs to their counts.
    """

    standings: Standings
    stale: bool
    final: bool
    on_air: OnAir


def from_redis(tallies: Iterable[SourceTally], sources: Sequence[str], *, fresh: bool) -> Reading | None:
    """The reading of one event, or None when Redis knows nothing of it."""
    standings = add_up(tallies, sources)
    if standings is None:
        return None
    final = standings.complete and standings.status in FINAL_STATUSES  # `closed` comes after the last vote
    return Reading(standings, not (final or (fresh and standings.complete)), final, standings.on_air)


def from_checkpoint(tallies: Iterable[SourceTally], sources: Sequence[str], event_id: str, status: str) -> Reading:
    """The reading of one event while Redis is away; all zero when nothing was ever checkpointed."""
    nothing = Standings(event_id, 0, 0, status, UNKNOWN_TIME, {}, complete=False)
    standings = add_up(tallies, sources) or nothing
    return Reading(standings, stale=True, final=False, on_air=standings.on_air)


def follow(shown: Reading | None, read: Reading) -> Reading:
    """What to show after `shown` when `read` was read: never less, never an older version in the same epoch."""
    if shown is None or read.standings.epoch > shown.standings.epoch:
        return read
    newest = max(shown.on_air, read.on_air, key=lambda each: each.change_no)
    same_epoch = shown.standings.epoch == read.standings.epoch
    if shown.final and same_epoch and not read.final:
        return replace(shown, on_air=newest)
    if not shown.standings.newer_than(read.standings):
        return replace(read, on_air=newest)
    if same_epoch and shown.standings.counts == read.standings.counts:
        return Reading(structs.replace(read.standings, version=shown.standings.version), read.stale, read.final, newest)
    return Reading(shown.standings, stale=True, final=False, on_air=newest)
