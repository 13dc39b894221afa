"""Waits until readers can have heard of a change: fanout says in Redis how far it has read, and readers hear with it.

So a click that hides something is answered when nobody is shown it any more: readers show nothing that they read longer
ago than SHOWN_FOR_S, and what they read from then on says that it is hidden. The wait is bounded: while Redis or fanout
is away, readers learn of the change by other ways, and the host has an answer all the same.
"""

import asyncio
import contextlib

import msgspec
import redis.asyncio
from redis.exceptions import RedisError

from command.durable_pool import Connection, DurablePool
from command.settings import Hearing
from contract import queries
from contract.position import Position
from contract.redis_keys import applied_key
from contract.standings import SHOWN_FOR_S, AppliedPosition

LOOK_AGAIN_S = 0.02


class HearingWait:
    """Asks the Postgres behind `pool` where the WAL ends, and Redis how far that has come."""

    def __init__(self, pool: DurablePool, hearing: Hearing) -> None:
        self._pool = pool
        self._within_s = hearing.wait_ms / 1000
        self._key = applied_key(hearing.source)
        self._wal_end = queries.load("command.sql")["wal_end"]
        self._redis = redis.asyncio.Redis.from_url(hearing.redis_url) if hearing.redis_url else None

    async def wait(self) -> None:
        """Return when what was committed before can have been heard of, or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._within_s):
                end = await self._pool.read(self._end)
                while not await self._has_reached(end):  # noqa: ASYNC110  # another process says it
                    await asyncio.sleep(LOOK_AGAIN_S)

    async def wait_until_hidden(self) -> None:
        """Return when what was shown before is shown no longer."""
        await self.wait()
        await asyncio.sleep(SHOWN_FOR_S)

    async def close(self) -> None:
        """Let the connections go."""
        if self._redis:
            await self._redis.aclose()

    async def _end(self, connection: Connection) -> Position:
        row = await (await connection.execute(self._wal_end)).fetchone()
        assert row
        return Position(**row)

    async def _has_reached(self, end: Position) -> bool:
        """Whether fanout says so; also False while nobody says anything."""
        with contextlib.suppress(RedisError, OSError, msgspec.MsgspecError):
            text = await self._redis.get(self._key) if self._redis else None
            if text:
                return msgspec.json.decode(text, type=AppliedPosition).has_reached(end)
        return False
