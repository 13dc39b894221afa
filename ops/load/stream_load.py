"""Thousands of viewers of one stream in a process of their own: raw sockets on one epoll, cheaper than any server.

A viewer is lazy or eager. Lazy ones are looked at every LAZY_S, so that reading costs next to nothing and a server's
deliveries can be counted; eager ones note when each frame came. A stalled viewer never reads, with a small buffer.
"""

import contextlib
import multiprocessing
import multiprocessing.connection
import select
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ops.rig.eventually import eventually

LAZY_S = 0.02
OPEN_WITHIN_S = 120
READ_BYTES = 256 * 1024
STALLED_BUFFER_BYTES = 4096
MARK = b"\ndata: "  # once in each frame


@dataclass(frozen=True)
class Counted:
    """Frames until now, and when (monotonic) each of them came, if the viewers are eager."""

    frames: int
    arrivals: list[float]


class StreamLoad:
    """The viewers, from the side of who asks."""

    def __init__(self, pipe: "multiprocessing.connection.Connection[str, Counted]") -> None:
        self._pipe = pipe

    def counted(self) -> Counted:
        """What came since the start; arrivals since the last call."""
        self._pipe.send("count")
        return self._pipe.recv()


@contextlib.contextmanager
def stream_load(
    port: int, path: str, viewers: int, update: Callable[[], None], *, stalled: int = 0, eager: bool = False
) -> Iterator[StreamLoad]:
    """Open the viewers, and begin the block when they have had as many frames; `update` makes the server send one."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, port, path, viewers, stalled, eager))
    process.start()
    load = StreamLoad(ours)

    def all_see() -> bool:
        update()
        return load.counted().frames >= viewers - stalled

    try:
        eventually(all_see, "all viewers see", within_s=OPEN_WITHIN_S, every_s=0.2)
        yield load
    finally:
        ours.send("stop")
        process.join()


def _run(pipe: "multiprocessing.connection.Connection[Counted, str]", *of_viewers: object) -> None:
    _Viewers(*of_viewers).run(pipe)  # type: ignore[arg-type]  # as stream_load gives them


class _Viewers:
    def __init__(self, port: int, path: str, viewers: int, stalled: int, eager: bool) -> None:  # noqa: FBT001  # called by its place once
        self._eager = eager
        self._frames = 0
        self._arrivals: list[float] = []
        self._epoll = select.epoll()
        self._sockets = {}
        for number in range(viewers):
            viewer = _connected(port, path, stalled=number < stalled)
            self._sockets[viewer.fileno()] = viewer
            if number >= stalled:
                self._epoll.register(viewer.fileno(), select.EPOLLIN)

    def run(self, pipe: "multiprocessing.connection.Connection[Counted, str]") -> None:
        """Read until told to stop."""
        buffer = bytearray(READ_BYTES)
        while True:
            for number, _ in self._epoll.poll(0.01, len(self._sockets)):
                self._read(number, buffer)
            if pipe.poll():
                if pipe.recv() == "stop":
                    return
                pipe.send(Counted(self._frames, self._arrivals))
                self._arrivals = []
            if not self._eager:
                time.sleep(LAZY_S)

    def _read(self, number: int, buffer: bytearray) -> None:
        size = self._sockets[number].recv_into(buffer)
        if not size:
            self._epoll.unregister(number)
            return
        frames = buffer.count(MARK, 0, size)
        self._frames += frames
        if self._eager and frames:
            self._arrivals.append(time.monotonic())


def _connected(port: int, path: str, *, stalled: bool) -> socket.socket:
    viewer = socket.socket()
    if stalled:
        viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STALLED_BUFFER_BYTES)
    viewer.settimeout(OPEN_WITHIN_S)
    viewer.connect(("127.0.0.1", port))
    viewer.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n".encode())
    viewer.setblocking(False)  # noqa: FBT003  # its own name
    return viewer
