"""The queue between handlers and writers: group commit at the application.

A writer takes whatever is waiting for one event, up to a maximum, and never waits for more: when nothing else is
under way, a vote goes at once. While a batch of an event commits, its next one fills; it goes when that commit has
returned, or as soon as it is full. So all votes that came meanwhile share a commit. Events take turns, so a busy one,
or one whose lock is held, can't starve the others. A full queue is an error at once, answered 503. A queued vote has
a fixed size (its device is a hash by now), so the bound in votes is one in bytes, too.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime

from contract.vote_id import VoteKind


@dataclass(frozen=True, slots=True)
class VoteOutcome:
    """What the ledger says of a vote: `accepted_at` exactly when ACCEPTED; no kind means: no such contestant."""

    kind: VoteKind | None
    accepted_at: datetime | None


@dataclass(slots=True, eq=False)
class PendingVote:
    """A vote that waits for its COMMIT; the writer sets `answer`, and whoever stops waiting cancels it."""

    event_no: int
    key_no: int
    voter: bytes
    contestant_no: int
    device: int | None
    region: str | None
    answer: asyncio.Future[VoteOutcome]


class QueueFullError(Exception):
    """As many votes wait as may wait."""


class VoteBatcher:
    """A bounded queue of votes by event; for one event loop."""

    def __init__(self, queue_votes_max: int, batch_votes_max: int) -> None:
        self._queue_votes_max = queue_votes_max
        self._batch_votes_max = batch_votes_max
        self._waiting: dict[int, deque[PendingVote]] = {}  # in the order of their turns
        self._size = 0
        self._in_flight: dict[int, int] = {}  # batches by event
        self._takers: deque[asyncio.Future[None]] = deque()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return self._size

    def put(self, vote: PendingVote) -> None:
        """Queue a vote, or raise `QueueFullError`."""
        if self._size >= self._queue_votes_max:
            raise QueueFullError
        self._waiting.setdefault(vote.event_no, deque()).append(vote)
        self._size += 1
        self._idle.clear()
        self._wake_taker()

    async def take(self) -> list[PendingVote]:
        """The next batch, of one event and never empty; votes that nobody waits for any more are left out."""
        while True:
            batch = self._next_batch()
            if batch:
                return batch
            self._mark_idle()
            taker = asyncio.get_running_loop().create_future()
            self._takers.append(taker)
            await taker

    def finish(self, event_no: int) -> None:
        """A batch of this event has been answered; each `take` is followed by one `finish`."""
        self._in_flight[event_no] -= 1
        if not self._in_flight[event_no]:
            del self._in_flight[event_no]
        if event_no in self._waiting:
            self._wake_taker()
        self._mark_idle()

    async def drained(self) -> None:
        """Wait until nothing is queued or in flight."""
        await self._idle.wait()

    def _next_batch(self) -> list[PendingVote]:
        while (event_no := self._next_event()) is not None:
            queue = self._waiting.pop(event_no)
            taken = [queue.popleft() for _ in range(min(len(queue), self._batch_votes_max))]
            self._size -= len(taken)
            if queue:
                self._waiting[event_no] = queue  # its next turn comes after the others'
                self._wake_taker()
            if batch := [vote for vote in taken if not vote.answer.done()]:
                self._in_flight[event_no] = self._in_flight.get(event_no, 0) + 1
                return batch
        return []

    def _next_event(self) -> int | None:
        """The first in turn that has no batch under way, or a full one waiting."""
        for event_no, queue in self._waiting.items():
            if event_no not in self._in_flight or len(queue) >= self._batch_votes_max:
                return event_no
        return None

    def _wake_taker(self) -> None:
        while self._takers:
            taker = self._takers.popleft()
            if not taker.done():
                taker.set_result(None)
                return

    def _mark_idle(self) -> None:
        if not self._size and not self._in_flight:
            self._idle.set()
