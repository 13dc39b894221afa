"""How many streams of elections one user holds, over two real processes, one that is killed, and without Redis."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
import redis

from contract.redis_keys import user_streams_key
from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.eventually import eventually
from ops.rig.people import TokenMint, Voter
from ops.rig.service import Service, read_process
from ops.rig.tallies import Tallies
from ops.rig.valkey import RunningValkey
from query.streams.user_streams import STREAMS_A_USER_MAX

Start = Callable[..., contextlib.AbstractContextManager[Service]]
REFUSED = ("ERROR", "too many streams of this user, come back in a moment")


@pytest.fixture
def start(tmp_path: Path, database: Database, redis_url: str, mint: TokenMint) -> Start:
    return lambda **settings: read_process(
        "query.streams", tmp_path, database.url("vote_query"), redis_url, mint, **settings
    )


@pytest.fixture
def event(owner: psycopg.Connection, redis_url: str) -> Event:
    made = make_event(owner)
    Tallies(redis_url).write(made, {1: 3})
    return made


@pytest.fixture
def kept(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


class Sockets:
    """Streams of one user of one election that are held until the end of the test."""

    def __init__(self, session: aiohttp.ClientSession, event: Event) -> None:
        self._session = session
        self._event = event
        self._held: list[aiohttp.ClientWebSocketResponse] = []

    async def enter(self, sse: Service, voter: Voter) -> bool:
        """Whether one more is let in, and stays; who isn't is told why, and ended by 1013."""
        path = f"/api/v1/results/stream/{self._event.event_id}?token={voter.token}"
        socket = await self._session.ws_connect(f"{sse.url}{path}")
        first: dict[str, Any] = json.loads(await socket.receive_str())
        if first["type"] == "VOTE_UPDATE":
            self._held.append(socket)
            return True
        assert (first["type"], first["message"]) == REFUSED
        assert (await socket.receive()).data == 1013
        return False

    async def leave(self) -> None:
        """End the stream that came first."""
        await self._held.pop(0).close()

    async def enter_at_last(self, sse: Service, voter: Voter) -> None:
        """Try until there is room; the test's own time limit ends it."""
        while not await self.enter(sse, voter):
            pass


@pytest.fixture
async def sockets(event: Event) -> AsyncIterator[Sockets]:
    async with aiohttp.ClientSession() as session:
        yield Sockets(session, event)


async def test_all_processes_count_together(start: Start, sockets: Sockets, kept: redis.Redis, mint: TokenMint) -> None:
    """A sixth stream is refused wherever it comes, another user's isn't; who leaves makes room everywhere, at once."""
    voter = mint.voter()
    with start() as one, start() as another:
        for sse in (one, another, one, another, one):
            assert await sockets.enter(sse, voter)
        for sse in (one, another):
            assert not await sockets.enter(sse, voter)
            assert await sockets.enter(sse, mint.voter())
        await sockets.leave()  # of the first process
        await sockets.enter_at_last(another, voter)
        assert not await sockets.enter(one, voter)
        assert kept.zcard(user_streams_key(voter.user_id)) == STREAMS_A_USER_MAX
    assert list(kept.scan_iter("*:streams")) == []


async def test_a_process_that_died_holds_no_place(
    start: Start, sockets: Sockets, kept: redis.Redis, redis_server: RunningValkey, mint: TokenMint
) -> None:
    """Its leases end by themselves. Without Redis each process counts its own, which is made up for when it is back."""
    voter = mint.voter()
    key = user_streams_key(voter.user_id)
    with start(STREAM_LEASE_MS="1000") as one, start(STREAM_LEASE_MS="1000") as another:

        async def comes(condition: Callable[[], bool], what: str) -> None:
            await asyncio.to_thread(eventually, condition, what)

        for _ in range(STREAMS_A_USER_MAX):
            assert await sockets.enter(one, voter)
        leases: Any = kept.zrange(key, 0, -1, withscores=True)
        later = max(until for _, until in leases) + 1
        await comes(lambda: kept.zcount(key, later, "+inf") == STREAMS_A_USER_MAX, "all leases are renewed")

        redis_server.process.stop()
        try:
            for _ in range(STREAMS_A_USER_MAX):
                assert await sockets.enter(another, voter)
            for sse in (one, another):
                assert not await sockets.enter(sse, voter)
        finally:
            redis_server.process.start()
        await comes(lambda: kept.zcard(key) == 2 * STREAMS_A_USER_MAX, "what Redis has lost is there again")

        another.process.kill()
        await comes(lambda: kept.zcard(key) == STREAMS_A_USER_MAX, "the leases of the dead end")
        await sockets.leave()
        await sockets.enter_at_last(one, voter)
