"""The queue between handlers and writers: group commit at the application.

A writer takes whatever is waiting for one event, up to a maximum, and never waits for more: when nothing else is
under way, a vote goes at once. While a batch of an event commits, its next one fills; it goes when that commit has
returned, as soon as it is full, or when every batch under way is late: so one silent connection holds up its own batch
and no other. All votes that came meanwhile share a commit. Events take turns, and none has more than
`event_batches_max` batches under way: so a busy one, or one whose lock is held, can't take all writers. A full queue is
an error at once, answered 503. A queued vote has a fixed size (its device is a hash by now), so the bound in votes is
one in bytes, too.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from prometheus_client import Gauge

from contract import metric_names
from contract.latency_histogram import LatencyHistogram
from contract.tracing import SpanContext
from contract.vote_id import VoteKind

WAITED = LatencyHistogram(
    metric_names.QUEUE_WAIT_SECONDS,
    "Votes' wait in the queue, until a writer takes them",
    metric_names.QUEUE_WAIT_BOUNDS_S,
).labels()
QUEUED = Gauge(metric_names.QUEUE_VOTES, "Votes that wait for a writer")


class EventKey(NamedTuple):
    """An event as the ledger numbers it, and the id that the number must still belong to."""

    event_no: int
    event_id: UUID


@dataclass(frozen=True, slots=True)
class VoteOutcome:
    """What the ledger says of a vote: `accepted_at` exactly when ACCEPTED; no kind means: no such contestant."""

    kind: VoteKind | None
    accepted_at: datetime | None


@dataclass(slots=True, eq=False)
class PendingVote:
    """A vote that waits for its COMMIT; the writer sets `answer`, and whoever stops waiting cancels it."""

    event: EventKey
    key_no: int
    voter: bytes
    contestant_no: int
    device: int | None
    region: str | None
    answer: asyncio.Future[VoteOutcome]
    refused: int = 0  # the kind that a fraud rule wants it to have, unless the voter has a vote already; 0: none
    queued_at: float = 0.0  # monotonic seconds, once it is queued
    trace: SpanContext | None = None  # of its request, if that is traced


@dataclass(slots=True, eq=False)
class Batch:
    """Votes of one event, never none, that were taken to be written together, at a time of the event loop's clock."""

    event: EventKey
    votes: Sequence[PendingVote]
    taken_at: float


class UnknownEventError(Exception):
    """The ledger has no such event under this number: what is remembered of the event is of no use any more."""

    code = "unknown_event"


class QueueFullError(Exception):
    """As many votes wait as may wait."""


class VoteBatcher:
    """A bounded queue of votes by event; for one event loop."""

    def __init__(self, queue_votes_max: int, batch_votes_max: int, event_batches_max: int, late_s: float) -> None:
        self._queue_votes_max = queue_votes_max
        self._batch_votes_max = batch_votes_max
        self._event_batches_max = event_batches_max
        self._late_s = late_s
        self._waiting: dict[EventKey, deque[PendingVote]] = {}  # in the order of their turns
        self._size = 0
        self._in_flight: dict[EventKey, list[Batch]] = {}
        self._takers: deque[asyncio.Future[None]] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        QUEUED.set_function(self.__len__)

    def __len__(self) -> int:
        return self._size

    def put(self, vote: PendingVote) -> None:
        """Queue a vote, or raise `QueueFullError`."""
        if self._size >= self._queue_votes_max:
            raise QueueFullError
        vote.queued_at = time.monotonic()
        queue = self._waiting.setdefault(vote.event, deque())
        queue.append(vote)
        self._size += 1
        self._idle.clear()
        if len(queue) in (1, self._batch_votes_max):  # those between change nothing for a writer who has looked
            self._wake_taker()

    async def take(self) -> Batch:
        """The next batch; votes that nobody waits for any more are left out."""
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            if batch := self._next_batch(now):
                return batch
            self._mark_idle()
            await self._wait(self._next_late_at(now))

    def finish(self, batch: Batch) -> None:
        """A batch has been answered; each `take` is followed by one `finish`."""
        self._in_flight[batch.event].remove(batch)
        if not self._in_flight[batch.event]:
            del self._in_flight[batch.event]
        if batch.event in self._waiting:
            self._wake_taker()
        self._mark_idle()

    async def drained(self) -> None:
        """Wait until nothing is queued or in flight."""
        await self._idle.wait()

    async def _wait(self, late_at: float | None) -> None:
        """Until a vote or the end of a batch wakes this writer, or a batch is late that holds up votes."""
        loop = asyncio.get_running_loop()
        taker = loop.create_future()
        self._takers.append(taker)
        late = loop.call_at(late_at, _wake, taker) if late_at else None
        try:
            await taker
        finally:
            if late:
                late.cancel()
            with contextlib.suppress(ValueError):
                self._takers.remove(taker)

    def _next_batch(self, now: float) -> Batch | None:
        while (event := self._next_event(now)) is not None:
            queue = self._waiting.pop(event)
            taken = [queue.popleft() for _ in range(min(len(queue), self._batch_votes_max))]
            self._size -= len(taken)
            taken_at = time.monotonic()  # the loop's own clock stands still between its rounds
            for vote in taken:
                WAITED.observe(taken_at - vote.queued_at, vote.trace.trace_id if vote.trace else None)
            if queue:
                self._waiting[event] = queue  # its next turn comes after the others'
                self._wake_taker()
            if votes := [vote for vote in taken if not vote.answer.done()]:
                batch = Batch(event, votes, now)
                self._in_flight.setdefault(event, []).append(batch)
                return batch
        return None

    def _next_event(self, now: float) -> EventKey | None:
        """The first in turn that has no batch under way, only late ones, or a full one waiting."""
        for event, queue in self._waiting.items():
            batches = self._in_flight.get(event, ())
            if len(batches) >= self._event_batches_max:
                continue
            if len(queue) >= self._batch_votes_max or all(now >= self._late_at(batch) for batch in batches):
                return event
        return None

    def _next_late_at(self, now: float) -> float | None:
        """When a batch that votes wait for becomes late, at the earliest."""
        moments = (self._late_at(batch) for event in self._waiting for batch in self._in_flight.get(event, ()))
        return min((moment for moment in moments if moment > now), default=None)

    def _late_at(self, batch: Batch) -> float:
        return batch.taken_at + self._late_s

    def _wake_taker(self) -> None:
        while self._takers:
            if _wake(self._takers.popleft()):
                return

    def _mark_idle(self) -> None:
        if not self._size and not self._in_flight:
            self._idle.set()


def _wake(taker: asyncio.Future[None]) -> bool:
    """Whether it was asleep still."""
    if taker.done():
        return False
    taker.set_result(None)
    return True
