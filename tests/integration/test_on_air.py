"""What is held back leaks by no road: freeze, reveal and hidden results on real processes, while votes come in."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
import redis

from ops.rig.database import Database
from ops.rig.event import Event, change_status, make_event
from ops.rig.fanout_process import FanoutProcess
from ops.rig.oracle import check_shown, counts_in_ledger, total_of
from ops.rig.people import TokenMint
from ops.rig.roads import Roads, watching
from ops.rig.service import command_process, read_process
from ops.rig.stream_messages import Message
from ops.rig.votes import Crowd, cast

BY_TEST = "ROW(NULL, 'host', 'test')::actor"


@pytest.fixture
def fanout(database: Database, redis_url: str) -> Iterator[FanoutProcess]:
    process = FanoutProcess(database.url("vote_fanout"), redis_url)
    with process.running():
        yield process


@pytest.fixture
def roads(
    tmp_path: Path, database: Database, redis_url: str, mint: TokenMint, owner: psycopg.Connection
) -> Iterator[Roads]:
    """The roads to an event of four contestants, open and visible."""
    event, other = make_event(owner, contestants=4), make_event(owner, results_visibility="staff")
    with contextlib.ExitStack() as held:
        query, sse = (
            held.enter_context(read_process(module, tmp_path, database.url("vote_query"), redis_url, mint))
            for module in ("query.reads", "query.streams")
        )
        yield Roads(query, sse, event, other, mint)


async def until(stream: AsyncIterator[Message], **fields: object) -> dict[str, Any]:
    """The first message with these fields; versions rise on the way."""
    version = 0
    async for message in stream:
        assert message.data["version"] >= version
        version = message.data["version"]
        if fields.items() <= message.data.items():
            return message.data
    raise AssertionError(f"never {fields}")


async def check_public(roads: Roads, allowed: set[int], *, status: int = 200) -> None:
    """Nobody but staff sees other numbers than these, and every road of results answers so."""
    for path, (answered, numbers) in (await roads.everywhere(None)).items():
        assert numbers <= allowed, f"{path} tells {numbers - allowed}"
        assert answered in {status, 304} or "/v1/events" in path, (path, answered)


async def check_staff(roads: Roads, database: Database) -> None:
    """Staff see at least what is counted now, by every roads."""
    least = total_of(roads.event, counts_in_ledger(database, [roads.event]))
    async with aiohttp.ClientSession(roads.sse.url) as session:
        while max((await roads.stream_by_ticket(session))[1]) < least:
            pass
    for path, (_, numbers) in (await roads.everywhere(roads.host)).items():
        assert "/v1/events" in path or max(numbers) >= least or "leaderboard" in path, path


async def _words(socket: aiohttp.ClientWebSocketResponse) -> list[str]:
    return [word.data async for word in socket]


def set_frozen(owner: psycopg.Connection, event: Event, *, frozen: bool) -> None:
    owner.execute(f"SELECT set_frozen(%s, %s, {BY_TEST})", [event.event_id, frozen])


def reveal(owner: psycopg.Connection, event: Event, places: int) -> None:
    owner.execute(f"SELECT reveal_results(%s, %s, {BY_TEST})", [event.event_id, places])


def close(owner: psycopg.Connection, event: Event) -> None:
    change_status(owner, event.event_id, "close")


async def test_a_freeze_holds_whatever_happens(
    roads: Roads, database: Database, redis_url: str, owner: psycopg.Connection, fanout: FanoutProcess
) -> None:
    """While votes come Redis is flushed, fanout killed; then the slot and what is stored are lost; then the close."""
    event, at_freeze = roads.event, {1009, 503, 211, 0, 1009 + 503 + 211}
    for contestant_no, votes in ((1, 1009), (2, 503), (3, 211)):
        cast(owner, event, contestant_no, votes)
    async with watching(roads) as stream:
        await until(stream, total_votes=1723)
        await check_public(roads, at_freeze)  # and remembers its ETags
        set_frozen(owner, event, frozen=True)
        assert (await until(stream, frozen=True))["total_votes"] == 1723
        with Crowd(database, [event]).voting() as crowd:
            crowd.wait_for(200)
            await check_public(roads, at_freeze)
            await check_staff(roads, database)
            with redis.Redis.from_url(redis_url) as client:
                client.flushall()
            await check_public(roads, at_freeze)
            fanout.kill()
            crowd.wait_for(50)
            await check_public(roads, at_freeze)
            fanout.start()
            await check_staff(roads, database)
        fanout.stop()
        owner.execute("SELECT pg_drop_replication_slot(%s)", [fanout.slot])
        owner.execute("DELETE FROM frozen_tallies")  # found again among the votes
        fanout.start()
        await check_staff(roads, database)
        await check_public(roads, at_freeze)
        close(owner, event)
        closed = await until(stream, status="closed")
        assert (closed["type"], closed["frozen"], closed["total_votes"]) == ("standings", True, 1723)
        await check_public(roads, at_freeze)


async def test_a_reveal_reaches_open_streams_place_by_place(
    roads: Roads, owner: psycopg.Connection, fanout: FanoutProcess
) -> None:
    """And no road tells more than what is revealed, until the whole is, which is the end."""
    assert fanout.is_ready()
    event = roads.event
    async with watching(roads) as stream:
        set_frozen(owner, event, frozen=True)
        for contestant_no, votes in ((1, 1009), (2, 503), (3, 211)):
            cast(owner, event, contestant_no, votes)
        close(owner, event)
        await until(stream, status="closed", total_votes=0)
        reveal(owner, event, 1)
        shown = await until(stream, revealed=1)
        assert shown["contestants"] == [{"contestant_id": event.contestants[3], "total_votes": 0}]
        await check_public(roads, {0})
        reveal(owner, event, 2)
        await until(stream, revealed=2, total_votes=211)
        await check_public(roads, {0, 211})
        reveal(owner, event, 4)
        last = await until(stream, type="closed")
        assert [each["total_votes"] for each in last["contestants"]] == [1009, 503, 211, 0]
        assert [message async for message in stream] == []


async def test_unfreezing_jumps_forward_while_votes_come(
    roads: Roads, database: Database, redis_url: str, owner: psycopg.Connection, fanout: FanoutProcess
) -> None:
    """Nothing falls on an open stream through freezes and what follows; staff who watch see no pause."""
    assert fanout.is_ready()
    async with watching(roads) as stream, watching(roads, roads.host) as of_staff:
        with Crowd(database, [roads.event]).voting() as crowd:
            shown = 0
            for _ in range(4):
                crowd.wait_for(50)
                set_frozen(owner, roads.event, frozen=True)
                frozen = await until(stream, frozen=True)
                while (await until(of_staff, frozen=True))["total_votes"] <= frozen["total_votes"]:
                    pass
                set_frozen(owner, roads.event, frozen=False)
                after = await until(stream, frozen=False)
                assert shown <= frozen["total_votes"] < after["total_votes"]
                shown = after["total_votes"]
        check_shown(database, redis_url, [roads.event])
        await until(stream, total_votes=total_of(roads.event, counts_in_ledger(database, [roads.event])))


async def test_hidden_is_hidden_once_the_click_is_answered(
    roads: Roads,
    tmp_path: Path,
    database: Database,
    redis_url: str,
    owner: psycopg.Connection,
    mint: TokenMint,
    fanout: FanoutProcess,
) -> None:
    """While a crowd asks: after the answer nobody is shown a number, streams that were open have ended, and say why."""
    assert fanout.is_ready()
    event = roads.event
    cast(owner, event, 1, 1009)
    url, edit = f"/v1/event/{event.event_id}", {"results_visibility": "staff"}
    with command_process(tmp_path, database.url("vote_command"), mint, REDIS_URL=redis_url) as command:
        async with (
            aiohttp.ClientSession(command.url) as desk,
            aiohttp.ClientSession(roads.query.url) as reads,
            watching(roads) as stream,
            watching(roads, roads.host) as of_staff,
            aiohttp.ClientSession(roads.sse.url) as streams,
            streams.ws_connect(f"{url}/ws") as socket,
        ):
            await until(stream, total_votes=1009)
            await check_public(roads, {1009, 0})  # and remembers its ETags
            answered = asyncio.Event()

            async def ask() -> int:
                """Ask again and again; how many were answered with numbers after the click was."""
                late = 0
                for _ in range(20):  # so often after the click was answered
                    while True:
                        is_late = answered.is_set()
                        async with reads.get(f"{url}/results") as answer:
                            late += is_late and answer.status == 200
                        if is_late:
                            break
                return late

            words = asyncio.create_task(_words(socket))  # read all the while: the server's last one wants an answer
            crowd = [asyncio.create_task(ask()) for _ in range(4)]
            async with desk.patch(url, json=edit, headers=mint.voter("host").headers) as answer:
                assert answer.status == 200
            answered.set()
            assert [await each for each in crowd] == [0] * len(crowd)
            assert [message.event async for message in stream][-1] == "hidden"
            assert json.loads((await words)[-1])["type"] == "hidden"
            assert socket.close_code == 1008
            cast(owner, event, 1, 1)
            await until(of_staff, total_votes=1010)
    await check_public(roads, set(), status=403)
    await check_staff(roads, database)
