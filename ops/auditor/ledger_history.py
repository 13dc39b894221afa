"""The ledger at each commit from now on: counted under a slot's snapshot, then followed, beside the running fanout.

    temporary slot ─► count(*) under its snapshot, at C ─► plus the stream after C ─► the counts at any later commit

So whoever claims a count at a position can be compared exactly, and the voting needn't pause. It only reads; its slot
ends with its connection.
"""

import contextlib
import select
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from contract.position import lsn_text
from fanout.ledger_reader import LedgerReader
from fanout.rebuild import Recount
from fanout.tally import EventTally
from fanout.wal_decoder import CountKey, Transaction
from fanout.wal_listener import WalListener

REACH_WITHIN_S = 60
POLL_S = 0.1
Found = TypeVar("Found")


class NotReachedError(Exception):
    """Somebody didn't reach the position of the recount in time, so there is nothing to compare."""


class LedgerHistory:
    """What was counted at `lsn`, and what was committed since; of the events that were there then."""

    def __init__(
        self, listener: WalListener, lsn: int, events: Mapping[int, EventTally], counted: Mapping[CountKey, int]
    ) -> None:
        self.lsn = lsn
        self.events = events
        self._listener = listener
        self._counted = counted
        self._transactions: list[Transaction] = []
        self._read_lsn = 0

    def awaited(self, poll: Callable[[], Found | None], what: str) -> Found:
        """The first answer that isn't None, with the slot kept alive; raises `NotReachedError`, which says `what`."""
        in_time = deadline(REACH_WITHIN_S, what)
        while (found := poll()) is None:
            in_time()
            self.keep_alive()
            time.sleep(POLL_S)
        return found

    def keep_alive(self) -> None:
        """Tell the server that somebody listens, which it doubts after a few seconds."""
        self._listener.report(0, 0)

    def read(self) -> int:
        """Take what was committed meanwhile; the position up to which that is all."""
        for message in self._listener.read():
            if isinstance(message, Transaction):
                self._transactions.append(message)
                self._read_lsn = message.end_lsn
            else:
                self._read_lsn = max(self._read_lsn, message.wal_end)
        return self._read_lsn

    def read_until(self, lsn: int) -> None:
        """Take all that was committed until `lsn`; raises `NotReachedError`."""
        self.awaited(lambda: self.read() >= lsn or None, f"the WAL didn't come up to {lsn_text(lsn)}")

    def counts_at(self, lsn_of: Callable[[int], int]) -> Counter[CountKey]:
        """The counts, of each event at the position that `lsn_of` gives for its number, which was read until."""
        counts = Counter(self._counted)
        for transaction in self._transactions:
            for key, votes in transaction.votes.items():
                if transaction.end_lsn <= lsn_of(key.event_no):
                    counts[key] += votes
        return counts

    def states(self, event_no: int) -> Iterator[Mapping[int, int]]:
        """The counts of one event by contestant, at `lsn` and after each commit that was read since; one at a time."""
        counts = Counter({key.contestant_no: votes for key, votes in self._counted.items() if key.event_no == event_no})
        yield counts
        for transaction in self._transactions:
            new = {key.contestant_no: votes for key, votes in transaction.votes.items() if key.event_no == event_no}
            if new:
                counts.update(new)
                yield counts


@contextlib.contextmanager
def ledger_history(url: str, slot: str, event_id: uuid.UUID | None) -> Iterator[LedgerHistory]:
    """Count all events, or this one, by a login that may follow the WAL; `slot` is made for the block.

    Raises psycopg.Error, `NotReachedError` while another transaction keeps the slot from being made, and LookupError.
    """
    with contextlib.closing(WalListener(url, slot)) as listener:
        new = listener.create_slot(slot, deadline(REACH_WITHIN_S, "older transactions didn't end"), temporary=True)
        with contextlib.closing(Recount(url, new.snapshot)) as recount:
            listener.start(slot)
            events = LedgerReader(recount.connection).events(new.lsn, 0)
            if event_id:
                events = {no: event for no, event in events.items() if event.event_id == str(event_id)}
                if not events:
                    raise LookupError(f"no event {event_id}")
            recount.begin(events.keys() if event_id else None)
            counted = _counted(recount, listener)
        yield LedgerHistory(listener, new.lsn, events, counted)


def deadline(within_s: float, what: str) -> Callable[[], None]:
    """Raises `NotReachedError` once it is called too late."""
    until = time.monotonic() + within_s

    def check() -> None:
        if time.monotonic() > until:
            raise NotReachedError(f"{what} within {within_s} s")

    return check


def _counted(recount: Recount, listener: WalListener) -> dict[CountKey, int]:
    """The counts, however long it takes; keeps the listener's connection alive meanwhile."""
    report_at = 0.0
    while (counts := recount.poll()) is None:
        if time.monotonic() >= report_at:
            listener.report(0, 0)
            report_at = time.monotonic() + POLL_S
        select.select([recount.connection.pgconn.socket], [], [], POLL_S)
    return dict(counts)
