"""A load of HTTP requests that is cheaper than the server it loads: raw keep-alive connections on one event loop.

Closed loop (`rate` None): each connection sends its next request when the last one is answered; finds the best rate.
Open loop: requests are due at a fixed rate whether or not the server keeps up, and a latency counts from
the moment a request was due, so a stall is not hidden by the requests that it kept from being sent.
"""

import asyncio
import collections
import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import cast

import uvloop

from ops.load.latency import percentile_ms

CONNECT_WITHIN_S = 10
LATE_WITHIN_S = 30


@dataclasses.dataclass
class LoadResult:
    """What became of the requests. `latencies` in seconds, one for each answer, in the order of the answers."""

    seconds: float = 0.0
    sent: int = 0
    lost: int = 0  # sent, and the connection ended before an answer
    statuses: collections.Counter[int] = dataclasses.field(default_factory=collections.Counter)
    latencies: list[float] = dataclasses.field(default_factory=list)
    acked: list[int] = dataclasses.field(default_factory=list)  # the indexes of the requests that were answered 200

    @property
    def acked_a_second(self) -> float:
        """Answers with 200 a second."""
        return len(self.acked) / self.seconds

    def percentile_ms(self, percent: float) -> float:
        """The latency that so many per cent of the answers stayed under, in milliseconds."""
        return percentile_ms(self.latencies, percent)


@dataclasses.dataclass
class Load:
    """One run. `requests` gives whole HTTP requests with a Content-Length; it ends when they do, or after `seconds`."""

    ports: Sequence[int]  # of this machine; the connections are spread over them
    requests: Iterator[bytes]
    connections: int
    seconds: float
    rate: float | None = None

    def run(self, result: LoadResult | None = None) -> LoadResult:
        """Send all of it and wait for the answers; raises OSError when nobody listens.

        Who gives a `result` sees there from another thread how far it is.
        """
        return uvloop.run(_Run(self, result or LoadResult()).run())


class _Run:
    def __init__(self, load: Load, result: LoadResult) -> None:
        self.load = load
        self.result = result
        self.idle: collections.deque[_Connection] = collections.deque()
        self.due: collections.deque[float] = collections.deque()
        self.open = 0
        self.finished = asyncio.Event()
        self.sending = True

    async def run(self) -> LoadResult:
        loop = asyncio.get_running_loop()
        for number in range(self.load.connections):
            await self.connect(self.load.ports[number % len(self.load.ports)])
        start = time.perf_counter()
        if self.load.rate is None:
            for connection in list(self.idle):
                self.next_of(connection)
            loop.call_later(self.load.seconds, self.stop)
        else:
            await self.pace(start, self.load.rate)
            self.stop()
        async with asyncio.timeout(self.load.seconds + LATE_WITHIN_S):
            await self.finished.wait()
        self.result.seconds = time.perf_counter() - start
        return self.result

    async def connect(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_WITHIN_S):
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", port)

    async def pace(self, start: float, rate: float) -> None:
        """Make requests due, a millisecond's worth at a time."""
        made = 0
        while (elapsed := time.perf_counter() - start) < self.load.seconds and self.sending:
            while made < elapsed * rate:
                self.due.append(start + made / rate)
                made += 1
            while self.due and self.idle and self.sending:
                self.send(self.idle.popleft(), self.due.popleft())
            await asyncio.sleep(0.001)

    def next_of(self, connection: "_Connection") -> None:
        """What a connection does after an answer."""
        if not self.sending:
            self.idle.append(connection)
            self.end_when_quiet()
        elif self.load.rate is None:
            self.send(connection, time.perf_counter())
        elif self.due:
            self.send(connection, self.due.popleft())
        else:
            self.idle.append(connection)

    def send(self, connection: "_Connection", due: float) -> None:
        request = next(self.load.requests, None)
        if request is None:
            self.idle.append(connection)
            self.stop()
            return
        connection.send(request, self.result.sent, due)
        self.result.sent += 1

    def stop(self) -> None:
        self.sending = False
        self.end_when_quiet()

    def end_when_quiet(self) -> None:
        if not self.sending and len(self.idle) >= self.open:
            self.finished.set()


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._buffer = b""
        self._index = -1
        self._due = 0.0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's own class, of the same methods
        self._run.open += 1
        self._run.idle.append(self)

    def send(self, request: bytes, index: int, due: float) -> None:
        assert self._transport is not None
        self._index, self._due = index, due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._buffer[:head_end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < head_end + 4 + length:
            return
        self._buffer = self._buffer[head_end + 4 + length :]
        self._record(int(head[9:12]))

    def connection_lost(self, _reason: Exception | None) -> None:
        run = self._run
        run.open -= 1
        if self._index >= 0:
            run.result.lost += 1
        elif self in run.idle:
            run.idle.remove(self)
        run.end_when_quiet()

    def _record(self, status: int) -> None:
        result, index = self._run.result, self._index
        self._index = -1
        result.statuses[status] += 1
        result.latencies.append(time.perf_counter() - self._due)
        if status == 200:
            result.acked.append(index)
        self._run.next_of(self)
