"""What the voting path must know of an event: number, keys, contestants, who may vote. Never its status: the gate's.

It is kept (bounded: the one read first goes first) until a change of the event is heard of (change_listener.py); while
nothing can be heard all of it is read again now and then. An event that has not opened, or that a contestant is missing
of, is read again in any case, at most once a second.
Ids that name no event are remembered for a moment, and one voter may begin a few look-ups at a time: so nobody who
sends made-up ids keeps others from theirs.
A server that was put back to an older state may give the number to another event: the ledger then refuses the number,
and the event is forgotten here.
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from psycopg.rows import DictRow

from command.durable_pool import Connection, DurablePool
from command.votes.vote_batcher import EventKey
from contract import queries
from contract.assurance import Assurance
from contract.errors import NotFound, TooMany

REREAD_S = 1
UNKNOWN_S = 2.0
UNKNOWN_MAX = 10_000
LOOKUPS_PER_CALLER_MAX = 2
OURSELVES = ""  # who looks up what nobody asks for

Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class VotingEvent:
    """One event, as a vote needs it; `contestant_nos` by contestant_id, `read_at` on the monotonic clock."""

    event: EventKey
    key_no: int
    contestant_nos: Mapping[UUID, int]
    captcha: bool
    opened_at: float | None  # Unix seconds; None: it wasn't open yet when it was read
    assurance_min: Assurance
    read_at: float


class VotingEventDirectory:
    """Ballots by event_id, read through `pool` when they are not known."""

    def __init__(self, pool: DurablePool, events_max: int) -> None:
        self._pool = pool
        self._events_max = events_max
        self._events: OrderedDict[UUID, VotingEvent] = OrderedDict()
        self._unknown: OrderedDict[UUID, float] = OrderedDict()  # monotonic: when each was looked up
        self._reading: dict[UUID, asyncio.Task[VotingEvent | None]] = {}
        self._looking: Counter[str] = Counter()  # look-ups under way by who began them
        self._sql = queries.load("command.sql")

    async def find(self, caller_id: str, event_id: UUID, contestant_id: UUID) -> tuple[VotingEvent, int]:
        """The event and the contestant's number in it; `NotFound` says which is unknown.

        `Busy`: it can't be read now; `TooMany`: this caller has begun others already.
        """
        voting = self._events.get(event_id) or await self._read(caller_id, event_id)
        may_change = voting.opened_at is None or contestant_id not in voting.contestant_nos
        if may_change and time.monotonic() - voting.read_at > REREAD_S:
            voting = await self._read(caller_id, event_id)
        contestant_no = voting.contestant_nos.get(contestant_id)
        if contestant_no is None:
            raise NotFound("contestant not found", field="contestant_id")
        return voting, contestant_no

    def knows(self, event_id: UUID) -> bool:
        """Whether it was found, and is remembered."""
        return event_id in self._events

    def forget(self, event_id: UUID) -> None:
        """It has changed, or was found to be wrong: read the event again when it is asked for."""
        for kept in (self._events, self._unknown, self._reading):
            kept.pop(event_id, None)

    def forget_all(self) -> None:
        """Any may have changed."""
        for kept in (self._events, self._unknown, self._reading):
            kept.clear()

    async def read_again(self) -> None:
        """Read all that is remembered, one after another, while votes go by what there is; raises as `find`."""
        for event_id in tuple(self._events):
            if event_id in self._events:
                await asyncio.shield(self._reading.get(event_id) or self._begin(OURSELVES, event_id))

    async def _read(self, caller_id: str, event_id: UUID) -> VotingEvent:
        """Read one event; simultaneous callers share one query."""
        if time.monotonic() - self._unknown.get(event_id, -UNKNOWN_S) < UNKNOWN_S:
            raise NotFound("event not found", field="event_id")
        task = self._reading.get(event_id) or self._begin(caller_id, event_id)
        voting = await asyncio.shield(task)
        if voting is None:
            raise NotFound("event not found", field="event_id")
        return voting

    def _begin(self, caller_id: str, event_id: UUID) -> "asyncio.Task[VotingEvent | None]":
        """Start a look-up on this caller's account, which has room for a few."""
        if self._looking[caller_id] >= LOOKUPS_PER_CALLER_MAX:
            raise TooMany("too many unknown events at once")
        self._looking[caller_id] += 1
        task = self._reading[event_id] = asyncio.ensure_future(self._query(event_id))
        task.add_done_callback(lambda ended: self._end(ended, caller_id, event_id))
        return task

    def _end(self, task: "asyncio.Task[VotingEvent | None]", caller_id: str, event_id: UUID) -> None:
        if self._reading.get(event_id) is task:
            del self._reading[event_id]
        self._looking[caller_id] -= 1
        if not self._looking[caller_id]:
            del self._looking[caller_id]

    async def _query(self, event_id: UUID) -> VotingEvent | None:
        async def work(connection: Connection) -> DictRow | None:
            return await (await connection.execute(self._sql["event_for_voting"], {"event_id": event_id})).fetchone()

        row = await self._pool.read(work)
        is_current = self._reading.get(event_id) is asyncio.current_task()  # else it has changed meanwhile
        if row is None:
            if is_current:
                self._events.pop(event_id, None)
                _remember(self._unknown, event_id, time.monotonic(), UNKNOWN_MAX)
            return None
        contestants = dict(zip(row["contestant_ids"], row["contestant_nos"], strict=True))
        voting = VotingEvent(
            EventKey(row["event_no"], event_id),
            row["key_no"],
            contestants,
            row["captcha"],
            row["opened_at"],
            Assurance(row["assurance_min"]),
            time.monotonic(),
        )
        if is_current:
            _remember(self._events, event_id, voting, self._events_max)
        return voting


def _remember(kept: OrderedDict[UUID, Kept], event_id: UUID, what: Kept, events_max: int) -> None:
    kept[event_id] = what
    kept.move_to_end(event_id)
    while len(kept) > events_max:
        kept.popitem(last=False)
