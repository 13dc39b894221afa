"""One client of a stream: one slot, never a queue.

        offer: written ──► current ──── offer: socket still full ──► behind ──► cut after a while
                              ▲                                        │
                              └───── the newest frame, once it drained ┘

A frame goes straight into the transport, past Sanic: that is the fast way (FACTS: 120,000 deliveries a second). It is
written only while the transport holds nothing, so what a client that doesn't read can tie up is one frame here and a
small buffer in the kernel. What it missed meanwhile was older than what it gets.
"""

import asyncio
import contextlib
import socket
import time

SEND_BUFFER_BYTES = 32 * 1024


class SseClient:
    """A client behind `transport`, to be sent away at `expires_at` (monotonic seconds)."""

    __slots__ = ("_behind_since", "_transport", "ended", "expires_at")

    def __init__(self, transport: asyncio.Transport, expires_at: float) -> None:
        self._transport = transport
        self._behind_since: float | None = None
        self.expires_at = expires_at
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with contextlib.suppress(OSError):  # gone already; the transport will say so
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    @property
    def is_behind(self) -> bool:
        """Whether it missed a frame and has not had a newer one since."""
        return self._behind_since is not None

    def send(self, chunk: bytes) -> None:
        """Send this chunk whether there is room or not: the first and the last."""
        if not self._transport.is_closing():
            self._transport.write(chunk)

    def offer(self, chunk: bytes) -> bool:
        """Send this chunk if there is room; whether it was sent."""
        transport = self._transport
        if transport.is_closing() or self.ended.done():
            return False
        if transport.get_write_buffer_size():
            self._behind_since = self._behind_since or time.monotonic()
            return False
        transport.write(chunk)
        self._behind_since = None
        return True

    def cut_if_stalled(self, limit_s: float) -> bool:
        """Drop the connection of a client whose socket stayed full for longer than this; whether it did."""
        stalled = self._behind_since is not None and time.monotonic() - self._behind_since > limit_s
        if stalled:
            self._transport.abort()
        return stalled

    def end(self, chunk: bytes = b"") -> None:
        """Send a last chunk and let the handler end the stream."""
        if self.ended.done():
            return
        self.send(chunk)
        self.ended.set_result(None)
