"""What the voting path must know of an event: number, keys, contestants. Never its status: the gate is in Postgres.

All of it is fixed once an event has opened, so it is kept for good (bounded: the one read first goes first).
Before that contestants may change, so an unknown contestant makes the event be read again, at most once a second.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import psycopg

from command.event_pool import EventPool
from contract import queries
from contract.errors import Busy, NotFound

REREAD_S = 1


@dataclass(frozen=True, slots=True)
class Ballot:
    """One event, as a vote needs it; `contestant_nos` by contestant_id, `read_at` on the monotonic clock."""

    event_no: int
    key_no: int
    contestant_nos: Mapping[UUID, int]
    read_at: float


class BallotDirectory:
    """Events by event_id, read through `pool` when they are not known."""

    def __init__(self, pool: EventPool, events_max: int) -> None:
        self._pool = pool
        self._events_max = events_max
        self._facts: OrderedDict[UUID, Ballot] = OrderedDict()
        self._reading: dict[UUID, asyncio.Task[Ballot | None]] = {}
        self._sql = queries.load("command.sql")

    async def find(self, event_id: UUID, contestant_id: UUID) -> tuple[Ballot, int]:
        """The event and the contestant's number in it; `NotFound` says which is unknown, `Busy`: can't be read now."""
        facts = self._facts.get(event_id) or await self._read(event_id)
        if contestant_id not in facts.contestant_nos and time.monotonic() - facts.read_at > REREAD_S:
            facts = await self._read(event_id)
        contestant_no = facts.contestant_nos.get(contestant_id)
        if contestant_no is None:
            raise NotFound("contestant not found", field="contestant_id")
        return facts, contestant_no

    async def _read(self, event_id: UUID) -> Ballot:
        """Read one event; simultaneous callers share one query."""
        task = self._reading.get(event_id)
        if task is None:
            task = self._reading[event_id] = asyncio.ensure_future(self._query(event_id))
            task.add_done_callback(lambda _: self._reading.pop(event_id))
        try:
            facts = await asyncio.shield(task)
        except psycopg.OperationalError as error:
            raise Busy from error
        if facts is None:
            raise NotFound("event not found", field="event_id")
        return facts

    async def _query(self, event_id: UUID) -> Ballot | None:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(self._sql["event_for_voting"], {"event_id": event_id})).fetchone()
        if row is None:
            return None
        contestants = dict(zip(row["contestant_ids"], row["contestant_nos"], strict=True))
        facts = Ballot(row["event_no"], row["key_no"], contestants, time.monotonic())
        self._facts[event_id] = facts
        while len(self._facts) > self._events_max:
            self._facts.popitem(last=False)
        return facts
