"""The schedule's hand: calls apply_schedule() whenever something is due.

Every command process does this and the first one wins, so an event opens and closes by itself, in the same
way as a host would do it. It looks again at least every second, since a host may have changed the schedule.
"""

import asyncio
import logging

import psycopg

from command.event_pool import EventPool
from contract import queries

log = logging.getLogger(__name__)

LOOK_S = 1.0


async def run_schedule(pool: EventPool) -> None:
    """Carry out the schedule until cancelled; a Postgres that is away is asked again."""
    statement = queries.load("command.sql")["apply_schedule"]
    while True:
        pause = LOOK_S
        try:
            async with pool.connection() as connection:
                row = await (await connection.execute(statement)).fetchone()
            if row is not None and row["seconds"] is not None:
                pause = min(max(row["seconds"], 0.0), LOOK_S)
        except psycopg.Error as error:
            log.warning("can't carry out the schedule now", extra={"reason": str(error)})
        await asyncio.sleep(pause)
