"""One client of a stream, by Server-Sent Events or WebSocket: one slot, never a queue.

        offer: written ──► current ──── offer: socket still full ──► behind ──► cut after a while
                              ▲                                        │
                              └───── the newest frame, once it drained ┘

A frame goes straight into the socket, past Sanic and the event loop's transport: that is the fast way. It is written
only while nothing older waits, so what a client that doesn't read can tie up is the rest of one frame here and a
small buffer in the kernel. What it missed meanwhile was older than what it gets.

The kernel may keep a small frame back until the client has acknowledged the last one (Nagle's algorithm; an
acknowledgement may take 40 ms): at the usual pace of pushes that changes nothing, else several frames share a packet.
(1,000 viewers, as many pushes as can be: 159,000 deliveries a second instead of 106,000; tried.)
"""

import asyncio
import contextlib
import os
import socket
import time

from query.streams.stream_frames import Form, Frame

SEND_BUFFER_BYTES = 32 * 1024


class SseClient:
    """A client behind `transport` that reads one form of frames, to be sent away at `expires_at` (monotonic s).

    Where results are restricted `let_in_by` holds the ids by whose revocation it ends.
    """

    __slots__ = ("_behind_since", "_fd", "_form", "_transport", "ended", "expires_at", "let_in_by")

    def __init__(
        self,
        transport: asyncio.Transport,
        expires_at: float,
        form: Form = Form.SSE,
        let_in_by: tuple[str, ...] = (),
    ) -> None:
        self.let_in_by = let_in_by
        self._transport = transport
        self._form = int(form)
        self._behind_since: float | None = None
        self.expires_at = expires_at
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sock = transport.get_extra_info("socket")
        self._fd = sock.fileno()
        with contextlib.suppress(OSError):  # gone already; the transport will say so
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)  # uvloop has set it

    @property
    def is_behind(self) -> bool:
        """Whether it missed a frame and has not had a newer one since."""
        return self._behind_since is not None

    def send(self, frame: Frame) -> None:
        """Send this frame whether there is room or not: the first and the last."""
        if not self._transport.is_closing():
            with contextlib.suppress(RuntimeError):  # it has said its last word: Sanic has half-closed the connection
                self._transport.write(frame[self._form])

    def offer(self, frame: Frame) -> bool:
        """Send this frame if there is room; whether it was sent. Written for speed: it runs once for each delivery."""
        transport = self._transport
        if transport.is_closing() or self.ended.done():  # closing: the file descriptor may soon be another client's
            return False
        if not transport.get_write_buffer_size():
            data = frame[self._form]
            try:
                sent = os.write(self._fd, data)
            except OSError:
                sent = 0  # full, or broken: that the transport finds out by reading
            if sent:
                if sent < len(data):
                    with contextlib.suppress(RuntimeError):  # as above
                        transport.write(data[sent:])  # the rest follows by itself
                self._behind_since = None
                return True
        self.fall_behind()
        return False

    def fall_behind(self) -> None:
        """Miss a frame that wasn't offered: a newer one is owed."""
        self._behind_since = self._behind_since or time.monotonic()

    def cut_if_stalled(self, limit_s: float) -> bool:
        """Drop the connection of a client whose socket stayed full for longer than this; whether it did."""
        stalled = self._behind_since is not None and time.monotonic() - self._behind_since > limit_s
        if stalled:
            self.abort()
        return stalled

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abort()

    def end(self, frame: Frame | None = None) -> None:
        """Send a last frame, if there is one, and let the handler end the stream."""
        if self.ended.done():
            return
        if frame:
            self.send(frame)
        self.ended.set_result(None)
