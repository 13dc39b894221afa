"""The counts of one source in memory: absolute, and exact at `position`. Pure: knows no I/O and no clock.

A tally changes only by whole transactions, in the order of their commits; one that ends at or below the position
was counted before and is skipped, so a replay doubles nothing. What changed is remembered twice, for the two
that write it down at their own pace: events for Redis, single counts for the checkpoint. Both sets are bounded
by what exists, however long a writer is away. While an event is frozen the counts of that moment are kept beside the
others.
"""

import hashlib
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from operator import itemgetter
from typing import NamedTuple

from contract.moment import from_unix_us, rfc3339
from contract.position import Position
from contract.standings import FINAL_STATUSES, EventChange, OnAir, SourceTally
from fanout.event_freeze import EventFreeze, StoredFreezes
from fanout.traces_under_way import TracesUnderWay
from fanout.wal_decoder import CountKey, Transaction

_ROW = struct.Struct("!qqq")
_NOS = (-(2**31), 2**31 - 1)  # what an event's number may be
_DIGESTS = 2**63  # a digest fits a bigint


@dataclass(slots=True)
class EventTally:
    """One event's counts. `event_id` is "" until its row or a message about it was seen: then it can't be shown."""

    event_id: str = ""
    on_air: OnAir = OnAir()  # a tuple
    as_of_us: int = 0  # Unix microseconds: commit time of the newest change that is counted
    lsn: int = 0  # the end of that commit
    counts: dict[int, int] = field(default_factory=dict)  # contestant_no -> votes
    freeze: EventFreeze | None = None  # while it is frozen as of `lsn`

    def take(self, change: EventChange) -> None:
        """Take a change whose commit is counted; what was read at the start may be newer, which only a freeze minds."""
        self.event_id = self.event_id or change.event_id
        if change.change_no >= self.on_air.change_no:
            self.on_air = change.on_air
        if not change.frozen:
            self.freeze = None
        elif self.freeze is None:
            self.freeze = EventFreeze(self.lsn, self.as_of_us, dict(self.counts))
        else:
            self.freeze = self.freeze._replace(lsn=self.lsn)


def digest_of(counts: Mapping[CountKey, int]) -> int:
    """A sum over the rows, so that it follows a changed row without looking at the others. Finds slips, not forgers."""
    rows = (hashlib.blake2b(_ROW.pack(*key, votes), digest_size=8).digest() for key, votes in counts.items())
    return sum(map(int.from_bytes, rows)) % _DIGESTS


class Part(NamedTuple):
    """The events with the numbers from `first_no` to `last_no`, and whether one of them isn't over."""

    first_no: int
    last_no: int
    under_way: bool


def in_turn(parts: Sequence[Part]) -> Iterator[Part]:
    """All parts once; after each in which all is over comes, again and again, one in which something isn't."""
    under_way = cycle([part for part in parts if part.under_way])
    for part in parts:
        yield part
        if not part.under_way:
            yield from islice(under_way, 1)


class Tally:
    """All events of one source at `position`."""

    def __init__(self, source: str, epoch: int, position: Position, events: dict[int, EventTally]) -> None:
        self.source = source
        self.epoch = epoch
        self.position = position
        self.events = events
        self.unpublished: set[int] = set(events)
        self.oldest_unpublished_us: int | None = None  # commit time
        self.freezes = StoredFreezes()
        self.traces = TracesUnderWay()
        self._in_turn: list[int] = []
        self._saved: dict[CountKey, int] = {}
        self._unsaved: set[CountKey] = set()
        self._digest = 0

    def add_saved(self, rows: Mapping[CountKey, int]) -> None:
        """Go on from these counts, which are stored; each is given once."""
        for key, votes in rows.items():
            self.events.setdefault(key.event_no, EventTally()).counts[key.contestant_no] = votes
            self.unpublished.add(key.event_no)
        self._saved.update(rows)
        self._digest += digest_of(rows)

    def add_saved_freezes(self, freezes: Mapping[int, EventFreeze]) -> None:
        """Go on from these freezes, which are stored; no other event was frozen then."""
        for event_no, event in self.events.items():
            event.freeze = freezes.get(event_no)
        self.freezes.add(freezes)

    def saved_in(self, part: Part) -> dict[CountKey, int]:
        """What was taken to be saved of the events of a part."""
        event_nos = [event_no for event_no in self.events if part.first_no <= event_no <= part.last_no]
        keys = (CountKey(event_no, no) for event_no in event_nos for no in self.events[event_no].counts)
        return {key: self._saved[key] for key in keys if key in self._saved}

    def parts(self, rows_max: int) -> Iterator[Part]:
        """All that can be stored, in parts of so many counts, or of one event that has more; no number is left out."""
        first, rows, under_way = _NOS[0], 0, False
        for event_no, event in sorted(self.events.items(), key=itemgetter(0)):
            if rows and rows + len(event.counts) > rows_max:
                yield Part(first, event_no - 1, under_way)
                first, rows, under_way = event_no, 0, False
            rows += len(event.counts)
            under_way = under_way or event.on_air.status not in FINAL_STATUSES
        yield Part(first, _NOS[1], under_way)

    def save_all_again(self) -> None:
        """Nothing of what is stored can be relied on."""
        self._digest = 0
        self._saved.clear()
        self._unsaved = self._all_keys()
        self.freezes.forget(event_no for event_no, event in self.events.items() if event.freeze)

    def apply(self, transaction: Transaction) -> bool:
        """Count a transaction, or answer False when its commit is counted already."""
        if transaction.end_lsn <= self.position.lsn:
            return False
        for key, votes in transaction.votes.items():
            counts = self._touch(key.event_no, transaction).counts
            counts[key.contestant_no] = counts.get(key.contestant_no, 0) + votes
            self._unsaved.add(key)
        for change in transaction.changes.values():
            event = self._touch(change.event_no, transaction)
            before = event.freeze
            event.take(change)
            if event.freeze != before:
                self.freezes.changed.add(change.event_no)
        self.traces.take(transaction)
        self.position = self.position._replace(lsn=transaction.end_lsn)
        return True

    def advance(self, wal_end: int) -> None:
        """Nothing of ours was committed up to here."""
        if wal_end > self.position.lsn:
            self.position = self.position._replace(lsn=wal_end)

    def add_base(self, base: Mapping[CountKey, int], frozen: Mapping[CountKey, int]) -> None:
        """Add what the ledger held when the stream began; what has been streamed since is counted already.

        `frozen`: what it held at each freeze before that.
        """
        for event_no, event in self.events.items():
            if event.freeze:
                event.freeze = event.freeze.with_base(_of_event(base, event_no), _of_event(frozen, event_no))
        for key, votes in base.items():
            event = self.events.setdefault(key.event_no, EventTally())
            event.counts[key.contestant_no] = event.counts.get(key.contestant_no, 0) + votes
        self.unpublished.update(self.events)
        self.save_all_again()

    def take_unsaved(self) -> dict[CountKey, int]:
        """The counts that changed since the last call."""
        unsaved = {key: self.events[key.event_no].counts[key.contestant_no] for key in self._unsaved}
        replaced = {key: self._saved[key] for key in unsaved if key in self._saved}
        self._digest += digest_of(unsaved) - digest_of(replaced)
        self._saved.update(unsaved)
        self._unsaved.clear()
        return unsaved

    def take_unsaved_freezes(self) -> dict[int, EventFreeze | None]:
        """The freezes that changed since the last call; None: it is over."""
        return self.freezes.take_changed(lambda event_no: self.events[event_no].freeze)

    @property
    def digest(self) -> int:
        """Of what was taken to be saved."""
        return (self._digest + self.freezes.digest) % _DIGESTS

    @property
    def has_unsaved(self) -> bool:
        """Whether a count or a freeze changed since they were last taken."""
        return bool(self._unsaved or self.freezes.changed)

    def published(self, but: Collection[int] = ()) -> None:
        """All of it is in Redis, except for these events."""
        self.unpublished = set(but)
        self.oldest_unpublished_us = None

    def publish_again(self, events_max: int) -> None:
        """Have a few events written to Redis though nothing has changed: all come up in turn, so a lost key heals."""
        self._in_turn = self._in_turn or list(self.events)
        self.unpublished.update(self._in_turn[:events_max])
        del self._in_turn[:events_max]

    def message(self, event_no: int) -> SourceTally:
        """What readers get of an event."""
        event = self.events[event_no]
        return SourceTally(
            event_id=event.event_id,
            source=self.source,
            epoch=self.epoch,
            lsn=event.lsn,
            as_of=rfc3339(from_unix_us(event.as_of_us)),
            counts=event.counts,
            freeze=event.freeze.message() if event.freeze else None,
            **event.on_air._asdict(),
        )

    def _all_keys(self) -> set[CountKey]:
        return {CountKey(event_no, no) for event_no, event in self.events.items() for no in event.counts}

    def _touch(self, event_no: int, transaction: Transaction) -> EventTally:
        event = self.events.setdefault(event_no, EventTally())
        event.lsn = transaction.end_lsn
        event.as_of_us = max(event.as_of_us, transaction.committed_us)
        self.unpublished.add(event_no)
        self.oldest_unpublished_us = self.oldest_unpublished_us or transaction.committed_us
        return event


def _of_event(counts: Mapping[CountKey, int], event_no: int) -> dict[int, int]:
    return {key.contestant_no: votes for key, votes in counts.items() if key.event_no == event_no}
