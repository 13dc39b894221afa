"""GET /v1/event/{event_id}/stream, on a real sse process, a real Postgres and a real Valkey."""

import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import psycopg
import pytest

from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.people import TokenMint
from ops.rig.service import Service, read_process
from ops.rig.stream_messages import Message, messages
from ops.rig.tallies import AS_OF, Tallies
from ops.rig.valkey import RunningValkey

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


@contextlib.asynccontextmanager
async def stream(
    sse: Service, event: Event, headers: dict[str, str] | None = None
) -> AsyncIterator[aiohttp.ClientResponse]:
    async with (
        aiohttp.ClientSession(sse.url) as session,
        session.get(f"/v1/event/{event.event_id}/stream", headers=headers) as response,
    ):
        yield response


@contextlib.contextmanager
def stalled_viewer(sse: Service, event: Event) -> Iterator[None]:
    """Someone who asks for a stream and doesn't read it."""
    with socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect(("127.0.0.1", sse.port))
        stalled.sendall(f"GET /v1/event/{event.event_id}/stream HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        yield


async def until(stream: AsyncIterator[Message], **fields: object) -> Message:
    """The first message whose data has these fields; on the way versions and totals may never fall."""
    seen: list[tuple[int, int]] = []
    async for message in stream:
        now = message.data["version"], message.data["total_votes"]
        assert not seen or (now[0] >= seen[-1][0] and now[1] >= seen[-1][1]), f"{seen} then {now}"
        seen.append(now)
        if fields.items() <= message.data.items():
            return message
    raise AssertionError(f"the stream ended after {seen}")


async def test_newest_standings_come_at_once_and_then_each_change(
    sse: Service, owner: psycopg.Connection, redis_url: str
) -> None:
    """The first message is the state at the join, exactly as the contract writes it; a change follows by itself."""
    event, tallies = make_event(owner), Tallies(redis_url)
    tallies.write(event, {1: 3, 2: 4}, lsn=200, epoch=2)
    async with stream(sse, event) as response:
        assert response.content_type == "text/event-stream"
        assert "no-store" in response.headers["Cache-Control"]
        received = messages(response)
        first = await anext(received)
        assert (first.event, first.id) == ("standings", "2-200")
        assert first.data == {
            "type": "standings",
            "event_id": event.event_id,
            "version": 200,
            "status": "open",
            "total_votes": 7,
            "contestants": [
                {"contestant_id": event.contestants[0], "total_votes": 3},
                {"contestant_id": event.contestants[1], "total_votes": 4},
            ],
            "as_of": AS_OF,
            "stale": False,
            "frozen": False,
        }
        tallies.write(event, {1: 3, 2: 5}, lsn=210, epoch=2)
        assert (await until(received, total_votes=8)).id == "2-210"


async def test_closed_is_the_last_message_and_the_stream_ends(
    sse: Service, owner: psycopg.Connection, redis_url: str
) -> None:
    """The close brings the final standings and the end; whoever has the final id gets 204, others `closed` again."""
    event, tallies = make_event(owner), Tallies(redis_url)
    tallies.write(event, {1: 1}, lsn=200)
    async with stream(sse, event) as response:
        received = messages(response)
        await until(received, total_votes=1)
        tallies.write(event, {1: 2}, lsn=300, status="closed")
        last = await until(received, type="closed")
        assert (last.event, last.id, last.data["total_votes"], last.data["stale"]) == ("closed", "1-300", 2, False)
        assert [message async for message in received] == []
    async with stream(sse, event, {"Last-Event-ID": "1-300"}) as response:
        assert response.status == 204
    async with stream(sse, event, {"Last-Event-ID": "1-200"}) as response:
        assert [message.event async for message in messages(response)] == ["closed"]
    for last_event_id, status in (("1-300", 204), ("1-200", 200)):  # as polyfills send it
        async with aiohttp.ClientSession(sse.url) as session:
            question = f"/v1/event/{event.event_id}/stream?lastEventId={last_event_id}"
            async with session.get(question) as response:
                assert response.status == status


async def test_each_block_of_a_stream_is_an_event(sse: Service, owner: psycopg.Connection, redis_url: str) -> None:
    """A client that takes each block for an event gets data from the first on; HEAD gets none and ends at once."""
    event = make_event(owner)
    Tallies(redis_url).write(event, {1: 1})
    path = f"/v1/event/{event.event_id}/stream"
    async with aiohttp.ClientSession(sse.url) as session:
        async with session.get(path) as response:
            first = await response.content.readuntil(b"\n\n")
            assert first.startswith(b"retry: ")
            assert b"\ndata: {" in first
            expected = (response.status, response.content_type, response.headers["Cache-Control"])
        async with session.head(path) as head:
            assert (head.status, head.content_type, head.headers["Cache-Control"]) == expected
            assert await head.read() == b""


async def test_stream_outlives_redis_and_its_numbers_never_fall(
    sse: Service, owner: psycopg.Connection, redis_server: RunningValkey, redis_url: str
) -> None:
    """Redis dies: the numbers stay and are marked. It returns empty and is written again: fresh, with new votes."""
    event = make_event(owner)
    Tallies(redis_url).write(event, {1: 5}, lsn=200)
    async with stream(sse, event) as response:
        received = messages(response)
        await until(received, stale=False, total_votes=5)
        redis_server.process.kill()
        try:
            await until(received, stale=True, total_votes=5)
        finally:
            redis_server.process.start()
        Tallies(redis_url).write(event, {1: 6}, lsn=210)
        await until(received, stale=False, total_votes=6)
        Tallies(redis_url).write(event, {1: 7}, lsn=220)
        await until(received, stale=False, total_votes=7)


async def test_checkpoint_beyond_the_newest_change_does_not_hide_the_end(
    sse: Service, owner: psycopg.Connection, redis_url: str
) -> None:
    """A client that was shown the checkpoint, whose position is later, still gets `closed`, under no lower version."""
    event = make_event(owner)
    owner.execute("INSERT INTO fanout_checkpoint VALUES ('main', 1, 7, 1, '0/1000')")
    owner.execute("INSERT INTO tallies VALUES (%s, 1, 2, '0/1000')", [event.event_no])
    async with stream(sse, event) as response:
        received = messages(response)
        await until(received, stale=True, total_votes=2, version=0x1000)
        Tallies(redis_url).write(event, {1: 2}, lsn=0x900, status="closed")
        assert (await until(received, type="closed")).data["total_votes"] == 2


async def test_closed_status_of_the_replica_is_not_the_end(sse: Service, owner: psycopg.Connection) -> None:
    """While only the checkpoint is known, votes before the close may still be missing: stale, and no `closed`."""
    event = make_event(owner, "closed")
    async with stream(sse, event) as response:
        first = await anext(messages(response))
        assert (first.event, first.data["status"], first.data["stale"]) == ("standings", "closed", True)


async def test_full_server_answers_busy(start: Start, owner: psycopg.Connection) -> None:
    """Beyond the limit a client gets 503 and when to come back; a place that is free again is given away."""
    event = make_event(owner)
    with start(STREAM_CLIENTS_MAX="1") as sse:
        async with stream(sse, event) as response:
            await anext(messages(response))
            async with stream(sse, event) as refused:
                assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
                assert (await refused.json())["error"]["code"] == "busy"
        while True:
            async with stream(sse, event) as again:
                if again.status == 200:
                    break


async def test_stream_has_a_lifetime_and_a_heartbeat(start: Start, owner: psycopg.Connection) -> None:
    """A quiet stream carries comments, tells how long to wait, and ends properly when its time is over."""
    event = make_event(owner)
    with start(STREAM_LIFETIME_MS="2000", STREAM_HEARTBEAT_MS="100") as sse:
        async with stream(sse, event) as response:
            lines = [line async for line in response.content]
    assert lines[0].startswith(b"retry: ")
    assert lines.count(b": \n") >= 2


async def test_stalled_client_is_cut_and_the_others_notice_nothing(
    start: Start, owner: psycopg.Connection, redis_url: str
) -> None:
    """Who doesn't read is disconnected once its socket stayed full; who reads gets the newest numbers all the while."""
    event, tallies = make_event(owner, contestants=500), Tallies(redis_url)
    with start(STREAM_STALLED_MS="1000") as sse, stalled_viewer(sse, event):
        async with stream(sse, event) as response, aiohttp.ClientSession(sse.url) as session:
            received = messages(response)
            cut, votes = False, 0
            while not cut:
                votes += 1
                tallies.write(event, {1: votes}, lsn=1000 + votes)
                await until(received, total_votes=votes)
                async with session.get("/metrics") as metrics:
                    cut = "vote_stream_cut_clients_total 1.0" in await metrics.text()
            tallies.write(event, {1: votes + 1}, lsn=2000 + votes)
            await until(received, total_votes=votes + 1)


async def test_streams_end_when_the_server_is_told_to_stop(sse: Service, owner: psycopg.Connection) -> None:
    """SIGTERM ends each stream as HTTP wants it, so that a client sees an end and not a broken connection."""
    event = make_event(owner)
    async with stream(sse, event) as response:
        received = messages(response)
        await anext(received)
        sse.process.send_signal(signal.SIGTERM)
        assert [message async for message in received] == []
    sse.process.wait()


async def test_streams_end_when_results_are_hidden(
    sse: Service, owner: psycopg.Connection, redis_url: str, mint: TokenMint
) -> None:
    """Who is watching when the host hides the results is sent away before another number; staff come back."""
    event, tallies = make_event(owner), Tallies(redis_url)
    tallies.write(event, {1: 1}, lsn=200)
    async with stream(sse, event) as response:
        received = messages(response)
        await until(received, total_votes=1)
        owner.execute("UPDATE events SET results_visibility = 'staff' WHERE event_no = %s", [event.event_no])
        last = [message async for message in received][-1]
        assert (last.event, last.data) == ("hidden", {"type": "hidden", "event_id": event.event_id})
    async with stream(sse, event) as response:
        assert response.status == 403
    async with stream(sse, event, mint.voter("host").headers) as response:
        assert (await anext(messages(response))).data["total_votes"] == 1


async def test_client_that_does_not_read_its_end_is_let_go(
    start: Start, owner: psycopg.Connection, redis_url: str
) -> None:
    """The last frame and the end wait for nobody for longer than any other frame does."""
    event, tallies = make_event(owner, contestants=1000), Tallies(redis_url)
    tallies.write(event, {1: 1}, lsn=200)
    with start(STREAM_STALLED_MS="1000") as sse, stalled_viewer(sse, event):
        async with aiohttp.ClientSession(sse.url) as session:

            async def subscribers(number: int) -> None:
                while True:  # the test's own time limit ends it
                    async with session.get("/metrics") as metrics:
                        if f"vote_stream_subscribers {number}.0" in await metrics.text():
                            return

            await subscribers(1)
            tallies.write(event, {1: 2}, lsn=210, status="closed")
            await subscribers(0)


async def test_restricted_streams_are_for_staff(sse: Service, owner: psycopg.Connection, mint: TokenMint) -> None:
    """Hidden results are hidden here too; unknown events are 404 and malformed ids 400."""
    event = make_event(owner, results_visibility="staff")
    async with stream(sse, event) as response:
        assert response.status == 403
    async with stream(sse, event, mint.voter("host").headers) as response:
        assert response.status == 200
    async with stream(sse, Event(0, "00000000-0000-4000-8000-000000000000", [])) as response:
        assert response.status == 404
    async with stream(sse, Event(0, "nonsense", [])) as response:
        assert response.status == 400
