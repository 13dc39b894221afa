"""One client of a stream: one slot, never a queue. On a real socket, whose other end reads when the test says so."""

import asyncio
import math
import socket
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from contract import settings
from query.on_air import Audience
from query.settings import Streaming
from query.streams import sse_hub
from query.streams.sse_client import SseClient
from query.streams.sse_feed import SseFeed
from query.streams.stream_frames import Form, Frame
from query.streams.traced_push import TracedPush


class Viewer:
    """The other end of the connection of `transport`."""

    def __init__(self, transport: asyncio.Transport, end: socket.socket) -> None:
        self.transport = transport
        self._end = end

    def read(self) -> bytes:
        """All that is there."""
        self._end.settimeout(0)
        found = b""
        try:
            while part := self._end.recv(1 << 20):
                found += part
        except BlockingIOError:
            return found
        return found

    async def read_until(self, last: bytes) -> bytes:
        """All until these bytes have come."""
        found = b""
        while not found.endswith(last):
            found += self.read()
            await asyncio.sleep(0)
        return found


@pytest.fixture
async def viewer() -> AsyncIterator[Viewer]:
    """A connection."""
    ours, theirs = socket.socketpair()
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
    yield Viewer(transport, theirs)
    transport.abort()
    theirs.close()


def frame(text: str) -> Frame:
    return Frame(f"sse {text}".encode(), f"ws {text}".encode())


def fill(client: SseClient) -> None:
    """Offer until the socket is full."""
    filler = Frame(b"x" * 10_000, b"")
    while client.offer(filler):
        pass


async def test_each_form_gets_its_own_bytes(viewer: Viewer) -> None:
    """One frame, made once, for both kinds of clients."""
    SseClient(viewer.transport, 0, Form.SSE).offer(frame("one"))
    SseClient(viewer.transport, 0, Form.WEBSOCKET).offer(frame("one"))
    assert viewer.read() == b"sse onews one"


async def test_full_socket_gets_nothing_until_it_has_drained(viewer: Viewer) -> None:
    """What a slow client misses is dropped, not queued; once there is room it gets what is newest then, whole."""
    client = SseClient(viewer.transport, 0)
    fill(client)
    assert not client.offer(frame("missed"))
    assert client.is_behind
    before = viewer.read()
    while not client.offer(frame("newest")):  # the rest of the last frame goes first
        before += viewer.read()
        await asyncio.sleep(0)
    assert not client.is_behind
    received = before + await viewer.read_until(b"newest")
    assert received.strip(b"x") == b"sse newest"
    assert received.count(b"x") % 10_000 == 0


async def test_only_who_stays_full_is_cut(viewer: Viewer) -> None:
    """Being behind for a moment is allowed, for longer than the limit is not."""
    client = SseClient(viewer.transport, 0)
    assert not client.cut_if_stalled(-1)
    fill(client)
    assert not client.cut_if_stalled(3600)
    assert client.cut_if_stalled(-1)
    assert viewer.transport.is_closing()


async def test_end_is_sent_once_and_even_to_a_full_socket(viewer: Viewer) -> None:
    """The last frame goes out whatever the state; after it nothing does."""
    client = SseClient(viewer.transport, 0)
    fill(client)
    client.end(frame("closed"))
    client.end(frame("closed"))
    assert (await viewer.read_until(b"closed")).count(b"closed") == 1
    assert not client.offer(frame("more"))
    assert client.ended.done()


async def test_closing_connection_is_left_alone(viewer: Viewer) -> None:
    """Nothing is written into a connection that is on its way out."""
    client = SseClient(viewer.transport, 0)
    viewer.transport.close()
    client.send(frame("one"))
    assert not client.offer(frame("two"))
    client.end(frame("three"))
    assert viewer.read() == b""


async def test_half_closed_connection_is_left_alone(viewer: Viewer) -> None:
    """Sanic ends its own half of a WebSocket a moment before it closes it: nobody else may suffer from that."""
    client = SseClient(viewer.transport, 0)
    viewer.transport.write_eof()
    client.send(frame("one"))
    client.offer(frame("two"))
    client.end(frame("three"))
    assert client.ended.done()


async def test_a_broken_connection_is_no_error(viewer: Viewer) -> None:
    """A frame for a client that has just gone is lost like the client."""
    client = SseClient(viewer.transport, 0)
    viewer._end.close()
    assert not client.offer(frame("one"))


async def test_who_was_skipped_gets_what_is_newest(viewer: Viewer) -> None:
    """What a push that took too long has not sent comes by a sweep, even if nothing changes any more."""
    event: Any = SimpleNamespace(event_id="e")
    shown: Any = SimpleNamespace(final=False)
    feed = SseFeed(event)
    channel = feed.channels[Audience.PUBLIC]
    channel.shown, channel.frame = shown, frame("newest")
    channel.clients.add(SseClient(viewer.transport, math.inf))
    await sse_hub._push(feed, [channel], TracedPush())
    assert viewer.read() == b"", "since it was read too long ago"
    feed.asked_at = time.monotonic()
    sse_hub._sweep(feed, settings.read(Streaming, {}), time.monotonic(), 0)
    assert viewer.read() == b"sse newest"
