"""The queue between handlers and writers: group commit at the application.

A writer takes whatever is waiting for one event, up to a maximum, and never waits for more: when idle a
vote goes at once, under load the next batch fills while this one commits. Events take turns, so a busy
one can't starve the others. Bounded: a full queue is an error at once, answered 503.
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
    """A vote that waits for its COMMIT; the writer sets `answer`, who no longer waits cancels it."""

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
        self._unfinished = 0
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
                self._unfinished += 1
                return batch
            self._mark_idle()
            taker = asyncio.get_running_loop().create_future()
            self._takers.append(taker)
            await taker

    def finish(self) -> None:
        """A taken batch has been answered; each `take` is followed by one `finish`."""
        self._unfinished -= 1
        self._mark_idle()

    async def drained(self) -> None:
        """Wait until nothing is queued or in flight."""
        await self._idle.wait()

    def _next_batch(self) -> list[PendingVote]:
        if not self._waiting:
            return []
        event_no = next(iter(self._waiting))
        queue = self._waiting.pop(event_no)
        taken = [queue.popleft() for _ in range(min(len(queue), self._batch_votes_max))]
        self._size -= len(taken)
        if queue:
            self._waiting[event_no] = queue  # its next turn comes after the others'
            self._wake_taker()
        return [vote for vote in taken if not vote.answer.done()] or self._next_batch()

    def _wake_taker(self) -> None:
        while self._takers:
            taker = self._takers.popleft()
            if not taker.done():
                taker.set_result(None)
                return

    def _mark_idle(self) -> None:
        if not self._size and not self._unfinished:
            self._idle.set()
