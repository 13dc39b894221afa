"""The stream of an election: its words, its doors, and what it keeps to itself."""

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.people import TokenMint, Voter
from ops.rig.service import Service, read_process
from ops.rig.tallies import Tallies

Start = Callable[..., contextlib.AbstractContextManager[Service]]


@pytest.fixture
def start(tmp_path: Path, database: Database, redis_url: str, mint: TokenMint) -> Start:
    return lambda **settings: read_process(
        "query.streams", tmp_path, database.url("vote_query"), redis_url, mint, ACCESS_LOG_RATIO="1", **settings
    )


@pytest.fixture
def sse(start: Start) -> Iterator[Service]:
    with start() as process:
        yield process


def path(event: Event, token: str) -> str:
    return f"/api/v1/results/stream/{event.event_id}?token={token}"


async def told(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """The next message, without its time, heartbeats aside."""
    while (message := json.loads(await socket.receive_str()))["type"] == "HEARTBEAT":
        pass
    del message["timestamp"]
    return dict(message)


def update(event: Event, *votes: tuple[int, int]) -> dict[str, Any]:
    rows = zip(event.contestants, votes, strict=True)
    return {
        "type": "VOTE_UPDATE",
        "electionId": event.event_id,
        "candidates": [{"candidateId": each, "votes": count, "delta": delta} for each, (count, delta) in rows],
        "totalVotes": sum(count for count, _ in votes),
    }


async def test_each_client_hears_what_is_new_to_it(
    sse: Service, owner: psycopg.Connection, redis_url: str, mint: TokenMint
) -> None:
    """Votes with what came since this client's own last message, the status when it changes, and the end by 1000."""
    event, tallies = make_event(owner), Tallies(redis_url)
    tallies.write(event, {1: 3}, lsn=200)
    async with (
        aiohttp.ClientSession(sse.url) as session,
        session.ws_connect(path(event, mint.voter().token)) as early,
    ):
        assert await told(early) == update(event, (3, 0), (0, 0))
        tallies.write(event, {1: 5, 2: 1}, lsn=210)
        assert await told(early) == update(event, (5, 2), (1, 1))
        async with session.ws_connect(path(event, mint.voter().token)) as late:
            assert await told(late) == update(event, (5, 0), (1, 0))
            tallies.write(event, {1: 5, 2: 1}, lsn=220, status="closed")
            for socket in (early, late):
                change = await told(socket)
                assert (change["type"], change["newStatus"]) == ("STATUS_CHANGE", "CLOSED")
                assert (await socket.receive()).data == 1000


async def test_a_quiet_election_has_heartbeats(
    start: Start, owner: psycopg.Connection, redis_url: str, mint: TokenMint
) -> None:
    """While nothing changes a message says that the stream goes on."""
    event = make_event(owner)
    Tallies(redis_url).write(event, {1: 3})
    with start(STREAM_HEARTBEAT_MS="200") as sse:
        async with (
            aiohttp.ClientSession(sse.url) as session,
            session.ws_connect(path(event, mint.voter().token)) as socket,
        ):
            await told(socket)
            assert (await socket.receive_json())["type"] == "HEARTBEAT"


async def test_tokens_open_doors_and_are_in_no_log(
    sse: Service, owner: psycopg.Connection, redis_url: str, mint: TokenMint
) -> None:
    """Nobody without a good token; hidden results for staff, by token or by a ticket, once; refused in their words."""
    event, viewer, host = make_event(owner, results_visibility="staff"), mint.voter(), mint.voter("host")
    Tallies(redis_url).write(event, {1: 3}, visibility="staff", change_no=1)
    async with aiohttp.ClientSession(sse.url) as session:

        async def refused(token: str, of: Event = event) -> tuple[int, Any]:
            async with session.get(path(of, token), headers=_UPGRADE) as answer:
                return answer.status, (await answer.json())["code"]

        async def ticket(who: Voter) -> str:
            url = f"/v1/event/{event.event_id}/stream/ticket"
            async with session.post(url, headers=who.headers) as answer:
                return str((await answer.json())["ticket"])

        draft, unknown = make_event(owner, "draft"), dataclasses.replace(event, event_id=host.user_id)
        for of in (event, draft, unknown):
            assert await refused("", of) == (401, "UNAUTHORIZED")
        for of in (draft, unknown):
            assert await refused(viewer.token, of) == (404, "NOT_FOUND")
        assert await refused("junk") == (401, "UNAUTHORIZED")
        assert await refused(f"{viewer.token}x") == (401, "UNAUTHORIZED")
        assert await refused(viewer.token) == (403, "RESULTS_HIDDEN")
        once = await ticket(host)
        for token in (host.token, once):
            async with session.ws_connect(path(event, token)) as socket:
                assert (await told(socket))["totalVotes"] == 3
        assert await refused(once) == (401, "UNAUTHORIZED")
    sse.process.stop()
    said = "\n".join(sse.process.said())
    assert "election_stream" in said
    assert [secret for secret in (viewer.token, host.token, once, "junk") if secret in said] == []


async def test_who_watches_is_told_when_results_are_hidden(
    sse: Service, owner: psycopg.Connection, redis_url: str, mint: TokenMint
) -> None:
    """The last message is an ERROR that tells no number, and the end is 1008."""
    event, tallies = make_event(owner), Tallies(redis_url)
    tallies.write(event, {1: 3}, lsn=200, visibility="public", change_no=1)
    async with (
        aiohttp.ClientSession(sse.url) as session,
        session.ws_connect(path(event, mint.voter().token)) as socket,
    ):
        await told(socket)
        tallies.write(event, {1: 4}, lsn=210, visibility="staff", change_no=9)
        last = await told(socket)
        assert last == {
            "type": "ERROR",
            "electionId": event.event_id,
            "message": "the results of this election are not shown to you now",
        }
        assert (await socket.receive()).data == 1008


_UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade"}
