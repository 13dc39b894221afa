"""What the public sees of a frozen event: the counts of that moment, a copy taken at its place in the order. Pure."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec

from contract.moment import from_unix_us, rfc3339
from contract.standings import Freeze


class EventFreeze(NamedTuple):
    """An event's counts when it was frozen. They are None as long as a recount hasn't found out what they were."""

    lsn: int  # the end of the newest change of the event since
    as_of_us: int  # Unix microseconds: commit time of the freeze
    counts: dict[int, int] | None  # contestant_no -> votes

    def message(self) -> Freeze | None:
        """What readers get of it."""
        if self.counts is None:
            return None
        return Freeze(self.lsn, rfc3339(from_unix_us(self.as_of_us)), self.counts)

    def with_base(self, base: Mapping[int, int], base_frozen: Mapping[int, int]) -> "EventFreeze":
        """Add what was before the stream began: counts, or those of a freeze that was before it, too."""
        counts = dict(base_frozen if self.counts is None else base)
        for contestant_no, votes in (self.counts or {}).items():
            counts[contestant_no] = counts.get(contestant_no, 0) + votes
        return self._replace(counts=counts)


class StoredFreezes:
    """Which freezes are stored, and of which events they have changed since."""

    def __init__(self) -> None:
        self.digest = 0  # of what is stored; a sum, so that it follows a change without looking at the others
        self.changed: set[int] = set()
        self._stored: dict[int, EventFreeze] = {}

    def add(self, freezes: Mapping[int, EventFreeze]) -> None:
        """These are stored."""
        self._stored.update(freezes)
        self.digest += sum(_digest(event_no, freeze) for event_no, freeze in freezes.items())

    def forget(self, event_nos: Iterable[int]) -> None:
        """Nothing of what is stored can be relied on; these events are frozen."""
        self.digest = 0
        self._stored.clear()
        self.changed = set(event_nos)

    def take_changed(self, freeze_of: Callable[[int], EventFreeze | None]) -> dict[int, EventFreeze | None]:
        """What is to be stored now; None: its event is frozen no longer."""
        taken = {event_no: freeze_of(event_no) for event_no in self.changed}
        replaced = {event_no: self._stored.pop(event_no) for event_no in taken.keys() & self._stored.keys()}
        self.digest -= sum(_digest(event_no, freeze) for event_no, freeze in replaced.items())
        self.add({event_no: freeze for event_no, freeze in taken.items() if freeze})
        self.changed.clear()
        return taken

    def between(self, first_no: int, last_no: int) -> dict[int, EventFreeze]:
        """What is stored of the events with these numbers."""
        return {event_no: freeze for event_no, freeze in self._stored.items() if first_no <= event_no <= last_no}


def _digest(event_no: int, freeze: EventFreeze) -> int:
    row = event_no, freeze.lsn, freeze.as_of_us, sorted((freeze.counts or {}).items())
    return int.from_bytes(hashlib.blake2b(msgspec.json.encode(row), digest_size=8).digest())
