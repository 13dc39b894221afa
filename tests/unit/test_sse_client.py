"""One client of a stream: one slot, never a queue."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from query.sse_client import SseClient


class FakeTransport(asyncio.Transport):
    """A connection whose socket is full whenever the test says so."""

    def __init__(self) -> None:
        self.socket = socket.socket()
        super().__init__({"socket": self.socket})
        self.sent: list[bytes] = []
        self.full = self.closing = self.aborted = False

    def is_closing(self) -> bool:
        """On its way out?"""
        return self.closing

    def get_write_buffer_size(self) -> int:
        """Bytes that the socket didn't take."""
        return 1 if self.full else 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Sent."""
        self.sent.append(bytes(data))

    def abort(self) -> None:
        """Dropped."""
        self.aborted = self.closing = True


@pytest.fixture
def transport() -> Iterator[FakeTransport]:
    made = FakeTransport()
    yield made
    made.socket.close()


async def test_full_socket_gets_nothing_until_it_has_drained(transport: FakeTransport) -> None:
    """What a slow client misses is dropped, not queued; once there is room it gets what is newest then."""
    client = SseClient(transport, 0)
    assert client.offer(b"one")
    transport.full = True
    assert not client.offer(b"two")
    assert client.is_behind
    transport.full = False
    assert client.offer(b"three")
    assert (transport.sent, client.is_behind) == ([b"one", b"three"], False)


async def test_only_who_stays_full_is_cut(transport: FakeTransport) -> None:
    """Being behind for a moment is allowed, for longer than the limit is not."""
    client = SseClient(transport, 0)
    assert not client.cut_if_stalled(-1)
    transport.full = True
    client.offer(b"one")
    assert not client.cut_if_stalled(3600)
    assert client.cut_if_stalled(-1)
    assert transport.aborted


async def test_end_is_sent_once_and_even_to_a_full_socket(transport: FakeTransport) -> None:
    """The last chunk goes out whatever the state; after it nothing does."""
    client = SseClient(transport, 0)
    transport.full = True
    client.end(b"closed")
    client.end(b"closed")
    transport.full = False
    assert not client.offer(b"more")
    assert (transport.sent, client.ended.done()) == ([b"closed"], True)


async def test_closing_connection_is_left_alone(transport: FakeTransport) -> None:
    """Nothing is written into a connection that is on its way out."""
    client = SseClient(transport, 0)
    transport.closing = True
    client.send(b"one")
    assert not client.offer(b"two")
    client.end(b"three")
    assert transport.sent == []
