"""The schedule's hand: opens and closes what is due, each event in a transaction of its own.

Every command process does this and the first one wins, so an event opens and closes by itself, in the same
way as a host would do it. It looks again at least every second, since a host may have changed the schedule. One event
whose lock is stuck holds up no other: each is waited for by a task of its own, and tried again at the next look; one
that the ledger refuses to open, since its tables are away, each second.
"""

import asyncio
import logging
from uuid import UUID

import psycopg

from command.durable_pool import Connection, DurablePool
from command.events.ballot_sealer import BallotSealer
from command.events.event_changes import NO_BALLOT
from contract import queries
from contract.errors import ContractError

log = logging.getLogger(__name__)

LOOK_S = 1.0
DUE_AGAIN_S = 0.1  # while something that is due waits for its lock
_REFUSED = "VT409"


class EventSchedule:
    """Carries out the schedule; `run` is its task."""

    def __init__(self, pool: DurablePool, ballots: BallotSealer) -> None:
        self._pool = pool
        self._ballots = ballots
        self._sql = queries.load("command.sql")
        self._under_way: set[UUID] = set()

    async def run(self) -> None:
        """Carry out the schedule until cancelled; a Postgres that is away is asked again."""
        async with asyncio.TaskGroup() as changes:  # what nobody foresaw in one of them ends this task, too
            while True:
                pause = LOOK_S
                try:
                    due, seconds = await self._pool.read(self._look)
                    for event_id, becomes in due:
                        self._begin(changes, event_id, becomes)
                    pause = DUE_AGAIN_S if due else pause_s(seconds)
                except (psycopg.Error, ContractError) as error:
                    log.warning("can't look at the schedule now", extra={"reason": str(error)})
                await asyncio.sleep(pause)

    async def _look(self, connection: Connection) -> tuple[list[tuple[UUID, str]], float | None]:
        """What is due, and the seconds until the next change."""
        due = await (await connection.execute(self._sql["due_changes"])).fetchall()
        row = await (await connection.execute(self._sql["next_due"])).fetchone()
        return [(each["event_id"], each["becomes"]) for each in due], row["seconds"] if row else None

    def _begin(self, changes: asyncio.TaskGroup, event_id: UUID, becomes: str) -> None:
        if event_id not in self._under_way:
            self._under_way.add(event_id)
            task = changes.create_task(self._carry_out(event_id, becomes))
            task.add_done_callback(lambda _: self._under_way.discard(event_id))

    async def _carry_out(self, event_id: UUID, becomes: str) -> None:
        async def work(connection: Connection) -> None:
            ballot = await self._ballots.seal(connection, event_id) if becomes == "open" else NO_BALLOT
            await connection.execute(self._sql["carry_out"], {"event_id": event_id, "becomes": becomes, **ballot})

        try:
            await self._pool.run(work)
        except (psycopg.Error, ContractError) as error:
            extra = {"event_id": str(event_id), "becomes": becomes, "reason": str(error)}
            log.warning("can't carry out what is due now", extra=extra)
            if isinstance(error, psycopg.Error) and error.sqlstate == _REFUSED:
                await asyncio.sleep(LOOK_S)


def pause_s(next_due_s: float | None) -> float:
    """How long to wait for the next look, when the next change is due in so many seconds, or none is scheduled."""
    return LOOK_S if next_due_s is None else min(max(next_due_s, 0.0), LOOK_S)
