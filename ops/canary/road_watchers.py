"""The roads on which votes are awaited: the event's stream, always open, and its leaderboard, asked while one waits."""

import asyncio
import logging
import time

from contract.backoff import Backoff
from ops.canary.edge_client import EdgeClient, RefusedError, Unavailable, totals_of
from ops.canary.shown_totals import ShownTotals

AGAIN_S = (0.25, 4.0)
BOARD_AGAIN_MAX_S = 1.0

log = logging.getLogger(__name__)


class EventOverError(Exception):
    """The event has ended, or is none: whoever made it has to make the next."""


class StreamWatcher:
    """A viewer who comes back whenever the stream breaks."""

    def __init__(self, client: EdgeClient, event_id: str) -> None:
        self._client = client
        self._event_id = event_id
        self._backoff = Backoff(*AGAIN_S)
        self.totals = ShownTotals()

    async def run(self) -> None:
        """Watch until the event is over: `EventOverError`."""
        while True:
            try:
                await self._watch()
            except Unavailable as error:
                if not self._backoff.failures:
                    log.warning("stream broken", extra={"error": str(error)})
            except RefusedError as error:
                raise EventOverError(f"the stream is answered {error}") from error
            await asyncio.sleep(self._backoff.next_s())

    async def _watch(self) -> None:
        async for message in self._client.stream(self._event_id):
            at = time.perf_counter()
            self._backoff.reset()
            if message.event in ("standings", "closed"):
                self.totals.show(totals_of(message.data), at)
            if message.event != "standings":
                raise EventOverError(f"the stream says {message.event}")


class BoardWatcher:
    """Asks for the leaderboard, by whichever canary's token is the newest."""

    def __init__(self, client: EdgeClient, event_id: str, every_s: float) -> None:
        self._client = client
        self._event_id = event_id
        self._every_s = every_s
        self.token = ""
        self.totals = ShownTotals()

    async def run(self) -> None:
        """Ask for as long as somebody waits, for ever."""
        backoff = Backoff(self._every_s, BOARD_AGAIN_MAX_S)
        while True:
            await self.totals.wanted.wait()
            pause_s = self._every_s
            try:
                shown = await self._client.leaderboard(self._event_id, self.token)
                if shown:
                    self.totals.show(shown, time.perf_counter())
                backoff.reset()
            except (Unavailable, RefusedError):
                pause_s = backoff.next_s()
            await asyncio.sleep(pause_s)
