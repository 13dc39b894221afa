"""Reads a server's statistics again and again, in a thread of its own; a scrape takes the last reading and waits for
nothing, so a server that hangs costs its own metrics and nobody else's.

    read ─► kept for FRESH_S ─► scraped        failed, or older: up is 0 and nothing else is told
"""

import logging
import threading
import time
from collections.abc import Iterator
from typing import Protocol

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from ops.observe.server_families import Reading, Server

READ_EVERY_S = 5.0
FRESH_S = 15.0
STOP_S_MAX = 3.0

log = logging.getLogger(__name__)


class CannotReadError(Exception):
    """The server is away, or doesn't let us read; the message says why."""


class Statistics(Protocol):
    """Reads one server, with a connection that it opens when it has none."""

    def read(self) -> Reading:
        """Everything that can be read now. Raises CannotReadError."""

    def close(self) -> None:
        """Let go of the connection."""


class ServerWatch(Collector):
    """What was read of one server last."""

    def __init__(self, server: Server, statistics: Statistics, every_s: float = READ_EVERY_S) -> None:
        self._server = server
        self._statistics = statistics
        self._every_s = every_s
        self._last: tuple[float, Reading] | None = None
        self._failing = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name=server.up.name, daemon=True)

    def start(self) -> None:
        """Read from now on, until `close`."""
        self._thread.start()

    def close(self) -> None:
        """Read no more. Whoever hangs in a server's answer is left to the end of the process."""
        self._stop.set()
        if self._thread.ident:
            self._thread.join(STOP_S_MAX)
        if not self._thread.is_alive():
            self._statistics.close()

    def collect(self) -> Iterator[Metric]:
        """The metrics by the last reading, if it is fresh."""
        last = self._last
        yield from self._server.filled(last[1] if last and time.monotonic() - last[0] < FRESH_S else None)

    def look(self) -> None:
        """Read once; a failure is logged when it begins, and its end, too."""
        try:
            self._last = (time.monotonic(), self._statistics.read())
        except CannotReadError as error:
            self._last = None
            if not self._failing:
                log.warning("a server can't be read", extra={"metric": self._server.up.name, "reason": str(error)})
            self._failing = True
        else:
            if self._failing:
                log.info("a server can be read again", extra={"metric": self._server.up.name})
            self._failing = False

    def _go_on(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(self._every_s)
