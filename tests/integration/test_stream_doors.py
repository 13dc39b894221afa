"""Who gets into a stream and by which door: WebSockets, tickets, limits, and how all are sent away."""

import asyncio
import contextlib
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
import redis

from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.mute_redis import mute_redis
from ops.rig.people import TokenMint
from ops.rig.service import Service, read_process
from ops.rig.stream_messages import messages
from ops.rig.tallies import Tallies
from ops.rig.valkey import RunningValkey
from query.redis_reader import CONNECTIONS_MAX
from query.streams.__main__ import MESSAGE_BYTES_MAX
from query.streams.stream_server import REFUSED_AT_ONCE_MAX, WORDS_A_MINUTE

Start = Callable[..., contextlib.AbstractContextManager[Service]]


@pytest.fixture
def start(tmp_path: Path, database: Database, redis_url: str, mint: TokenMint) -> Start:
    return lambda **settings: read_process(
        "query.streams", tmp_path, database.url("vote_query"), redis_url, mint, **settings
    )


@pytest.fixture
def sse(start: Start) -> Iterator[Service]:
    with start() as process:
        yield process


def path(event: Event, door: str) -> str:
    return f"/v1/event/{event.event_id}/{door}"


async def until(socket: aiohttp.ClientWebSocketResponse, **fields: object) -> dict[str, Any]:
    """The first message with these fields; on the way versions and totals may never fall."""
    before = (-1, -1)
    async for message in socket:
        data: dict[str, Any] = json.loads(message.data)
        assert before <= (data["version"], data["total_votes"])
        before = (data["version"], data["total_votes"])
        if fields.items() <= data.items():
            return data
    raise AssertionError(f"closed by {socket.close_code} after {before}")


async def last_word(socket: aiohttp.ClientWebSocketResponse) -> object:
    """The code by which the server closes, as it was sent: the client's own is 1006 if it can't answer any more."""
    message = await socket.receive()
    assert message.type == aiohttp.WSMsgType.CLOSE
    return message.data


async def test_a_websocket_gets_what_the_stream_gets(sse: Service, owner: psycopg.Connection, redis_url: str) -> None:
    """The same objects from the same hub: the newest at once, each change, `closed`, and the end by 1000."""
    event, tallies = make_event(owner), Tallies(redis_url)
    tallies.write(event, {1: 3}, lsn=200)
    async with aiohttp.ClientSession(sse.url) as session, session.ws_connect(path(event, "ws")) as socket:
        async with session.get(path(event, "stream")) as stream:
            streamed = await anext(messages(stream))
        assert await socket.receive_json() == streamed.data
        tallies.write(event, {1: 300, 2: 70_000}, lsn=210)
        await until(socket, total_votes=70_300)
        tallies.write(event, {1: 301, 2: 70_000}, lsn=220, status="closed")
        assert (await until(socket, type="closed"))["total_votes"] == 70_301
        assert await last_word(socket) == 1000
        async with session.ws_connect(path(event, "ws")) as late:
            assert (await late.receive_json())["type"] == "closed"


async def test_a_websocket_is_for_listening(sse: Service, owner: psycopg.Connection, redis_url: str) -> None:
    """What a client says is ignored, unless it is a flood or long; one that closes gets its answer at once."""
    event, tallies = make_event(owner), Tallies(redis_url)
    tallies.write(event, {1: 3})
    async with aiohttp.ClientSession(sse.url) as session:
        async with session.ws_connect(path(event, "ws")) as socket:
            await socket.receive_json()
            for word in range(WORDS_A_MINUTE - 1):
                await socket.send_str(f"ping {word}")
            await socket.send_bytes(b"ping")
            tallies.write(event, {1: 4}, lsn=101)
            assert (await until(socket, total_votes=4))["type"] == "standings"
            await socket.send_str("one too many")
            assert await last_word(socket) == 1008
        async with session.ws_connect(path(event, "ws")) as socket:
            await socket.receive_json()
            await socket.send_str("x" * (MESSAGE_BYTES_MAX + 1))
            assert await last_word(socket) == 1009
        socket = await session.ws_connect(path(event, "ws"))
        await socket.receive_json()
        await socket.close(code=1001)
        assert socket.close_code == 1001


async def test_a_websockets_heartbeats_are_pings(start: Start, owner: psycopg.Connection, redis_url: str) -> None:
    """A quiet event is kept alive by pings, which the client's library answers."""
    event = make_event(owner)
    Tallies(redis_url).write(event, {1: 3})
    with start(STREAM_HEARTBEAT_MS="200") as sse:
        async with (
            aiohttp.ClientSession(sse.url) as session,
            session.ws_connect(path(event, "ws"), autoping=False) as socket,
        ):
            while (message := await socket.receive()).type != aiohttp.WSMsgType.PING:
                assert message.type == aiohttp.WSMsgType.TEXT


@pytest.mark.parametrize("setting", ["STREAM_CLIENTS_MAX", "STREAM_CLIENTS_PER_ADDRESS_MAX"])
async def test_full_is_said_at_every_door(start: Start, owner: psycopg.Connection, setting: str) -> None:
    """503 for a full server, 429 for an address that holds too many, both with Retry-After; 1013 to WebSockets."""
    event = make_event(owner)
    with start(**{setting: "1"}) as sse:
        async with aiohttp.ClientSession(sse.url) as session:
            async with session.get(path(event, "stream")), session.get(path(event, "stream")) as second:
                assert second.status == (503 if setting == "STREAM_CLIENTS_MAX" else 429)
                assert int(second.headers["Retry-After"]) >= 1
                async with session.ws_connect(path(event, "ws")) as socket:
                    assert await last_word(socket) == 1013
            while True:  # the place is free again once the server has noticed; the test's own time limit ends it
                async with session.get(path(event, "stream")) as third:
                    if third.status == 200:
                        break


async def test_refusing_costs_no_more_than_a_refusal(start: Start, owner: psycopg.Connection) -> None:
    """Who is refused on and on, and answers nothing, holds some connections and no more: others are 429 at once."""
    event = make_event(owner)
    with start(STREAM_CLIENTS_MAX="0") as sse:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(sse.url, connector=connector) as session, contextlib.AsyncExitStack() as held:
            while True:  # until so many wait at once; the test's own time limit ends it
                sockets = [session.ws_connect(path(event, "ws")) for _ in range(2 * REFUSED_AT_ONCE_MAX)]
                came = await asyncio.gather(*sockets, return_exceptions=True)
                refused = [each for each in came if isinstance(each, aiohttp.WSServerHandshakeError)]
                for each in came:
                    if isinstance(each, aiohttp.ClientWebSocketResponse):
                        held.push_async_callback(each.close)
                if refused:
                    break
            assert {each.status for each in refused} == {429}
            assert len(refused) <= REFUSED_AT_ONCE_MAX


async def test_addresses_are_told_apart_by_the_edges_word(start: Start, owner: psycopg.Connection) -> None:
    """What the edge wrote last counts; a household's IPv6 addresses are one."""
    event = make_event(owner)
    with start(STREAM_CLIENTS_PER_ADDRESS_MAX="1") as sse:
        async with aiohttp.ClientSession(sse.url) as session, contextlib.AsyncExitStack() as held:

            async def status(came_from: str) -> int:
                request = session.get(path(event, "stream"), headers={"X-Forwarded-For": came_from})
                return (await held.enter_async_context(request)).status

            assert await status("9.9.9.9, 203.0.113.1") == 200
            assert await status("203.0.113.2") == 200
            assert await status("8.8.8.8, 203.0.113.1") == 429
            assert await status("2001:db8::1") == 200
            assert await status("2001:db8::2") == 429
            assert await status("2001:db8:0:1::1") == 200
            assert await status("::ffff:203.0.113.3") == 200
            assert await status("::ffff:203.0.113.4") == 200
            assert await status("203.0.113.4") == 429
            assert await status("fe80::1%eth0") == 200


async def test_a_ticket_opens_one_restricted_stream(
    sse: Service, owner: psycopg.Connection, redis_url: str, mint: TokenMint
) -> None:
    """Issued to people who may see the results; good for one stream or socket of that event, once, for a minute."""
    event, other = (make_event(owner, results_visibility="staff") for _ in range(2))
    Tallies(redis_url).write(event, {1: 3})
    async with aiohttp.ClientSession(sse.url) as session:

        async def ask(headers: dict[str, str]) -> tuple[int, Any]:
            async with session.post(path(event, "stream/ticket"), headers=headers) as answer:
                return answer.status, await answer.json()

        async def enter(which: Event, ticket: str) -> int:
            async with session.get(path(which, "stream"), params={"ticket": ticket}) as stream:
                return stream.status

        assert (await ask({}))[0] == 401
        assert (await ask(mint.voter().headers))[0] == 403
        status, content = await ask(mint.voter("host").headers)
        assert (status, content["expires_in"]) == (200, 60)
        assert await enter(event, content["ticket"]) == 200
        assert await enter(event, content["ticket"]) == 403
        _, content = await ask(mint.voter("host").headers)
        assert await enter(other, content["ticket"]) == 403
        _, content = await ask(mint.voter("host").headers)
        async with session.ws_connect(path(event, "ws"), params={"ticket": content["ticket"]}) as socket:
            assert (await socket.receive_json())["total_votes"] == 3
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await session.ws_connect(path(event, "ws"))
    with redis.Redis.from_url(redis_url) as client:
        await_ticket = mint.voter("host").headers
        async with aiohttp.ClientSession(sse.url) as session:
            await session.post(path(event, "stream/ticket"), headers=await_ticket)
        assert [0 < client.ttl(key) <= 60 for key in client.scan_iter("ticket:*")] == [True]


async def test_no_ticket_without_redis(
    sse: Service, owner: psycopg.Connection, redis_server: RunningValkey, mint: TokenMint
) -> None:
    """503, to be repeated."""
    event = make_event(owner, results_visibility="staff")
    redis_server.process.stop()
    try:
        async with (
            aiohttp.ClientSession(sse.url) as session,
            session.post(path(event, "stream/ticket"), headers=mint.voter("host").headers) as answer,
        ):
            assert answer.status == 503
    finally:
        redis_server.process.start()


async def test_a_flood_of_tickets_makes_nothing_stale(start: Start, owner: psycopg.Connection, redis_url: str) -> None:
    """While Redis is late to say that nobody knows them, who watches is shown what changes."""
    event = make_event(owner)
    tallies = Tallies(redis_url)
    tallies.write(event, {1: 0})
    late = asyncio.Event()
    with mute_redis(redis_url, b"GETDEL") as url, start(REDIS_URL=url) as sse:
        async with aiohttp.ClientSession(sse.url, connector=aiohttp.TCPConnector(limit=0)) as session:

            async def flood() -> None:
                while True:
                    async with session.get(path(event, "stream"), params={"ticket": "x"}) as refused:
                        assert refused.status == 503
                        late.set()

            async with session.ws_connect(path(event, "ws")) as socket:
                floods = [asyncio.create_task(flood()) for _ in range(6 * CONNECTIONS_MAX)]
                await late.wait()
                for total in range(1, 6):
                    tallies.write(event, {1: total}, lsn=100 + total)
                    shown = {"total_votes": -1}
                    while shown["total_votes"] < total:
                        shown = await socket.receive_json()
                        assert not shown["stale"]
                for each in floods:
                    each.cancel()


async def test_all_are_sent_away_a_few_at_a_time(start: Start, owner: psycopg.Connection, redis_url: str) -> None:
    """At SIGTERM streams end one after another, sockets by 1012; who comes meanwhile is refused."""
    event = make_event(owner)
    Tallies(redis_url).write(event, {1: 3})
    with start(STREAM_DRAIN_MS="60000") as sse:
        async with aiohttp.ClientSession(sse.url, connector=aiohttp.TCPConnector(limit=0)) as session:
            streams = [await session.get(path(event, "stream")) for _ in range(60)]
            socket = await session.ws_connect(path(event, "ws"))
            assert (await socket.receive_json())["total_votes"] == 3
            said = asyncio.create_task(last_word(socket))  # reads all the while, as clients do: pings want answers
            sse.process.send_signal(signal.SIGTERM)
            while True:  # until the server has heard it; the test's own time limit ends it
                async with session.get(path(event, "stream")) as refused:
                    if refused.status == 503:
                        break
            for stream in streams:
                await stream.read()  # ends properly, or raises
            assert await said == 1012
        sse.process.wait()
