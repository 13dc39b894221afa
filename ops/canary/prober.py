"""Sends synthetic votes at their pace, one for each contestant at a time at most, and has each of them followed."""

import asyncio
import itertools
import logging
import time

from contract.backoff import Backoff
from ops.canary.canary_file import Canary, CanaryEvent, CanaryFile, CanaryFileError
from ops.canary.edge_client import EdgeClient, RefusedError, Renewed, Unavailable
from ops.canary.journey import PER_HOUR, Journeys
from ops.canary.road_watchers import BoardWatcher, EventOverError, StreamWatcher
from ops.canary.settings import Probing
from ops.canary.vote_follower import VoteFollower
from ops.canary.vote_pace import VotePace

ENDED_SESSIONS_MAX = 20  # in a row; then the file is of another database, or very old
RENEW_AGAIN_S = (0.2, 15.0)

log = logging.getLogger(__name__)


class UsedUpError(Exception):
    """No canary is left who could vote: the operator's command line makes the next event, or other canaries."""


class Prober:
    """One run; `journeys` has what became of its votes, also when the run is cancelled."""

    def __init__(self, probing: Probing, client: EdgeClient, file: CanaryFile, event: CanaryEvent) -> None:
        self._probing = probing
        self._client = client
        self._file = file
        self._within_s = (probing.ack_within_ms + probing.seen_within_ms) / 1000
        self._stream = StreamWatcher(client, event.event_id)
        self._board = BoardWatcher(client, event.event_id, probing.board_every_ms / 1000)
        self.journeys = Journeys()
        PER_HOUR.set(probing.per_hour)
        self._follower = VoteFollower(
            client,
            file,
            event,
            (self._stream.totals, self._board.totals),
            self.journeys,
            ack_within_s=probing.ack_within_ms / 1000,
            seen_within_s=probing.seen_within_ms / 1000,
        )
        self._following: set[asyncio.Task[None]] = set()
        self._free: asyncio.Queue[str] = asyncio.Queue()
        for contestant_id in event.contestants:
            self._free.put_nowait(contestant_id)

    async def run(self, votes: int | None, *, at_once: bool) -> None:
        """Send so many votes (None: for ever) and return when each has an outcome, or none came for too long.

        `UsedUpError`, `EventOverError`, `CanaryFileError`.
        """
        over: list[Exception] = []
        try:
            async with asyncio.TaskGroup() as tasks:
                watching = [tasks.create_task(each.run()) for each in (self._stream, self._board)]
                try:
                    await self._send(tasks, votes, at_once=at_once)
                except UsedUpError as error:
                    over.append(error)
                await self._outcomes()
                for task in (*watching, *self._following):
                    task.cancel()
        except* (EventOverError, CanaryFileError) as group:
            over.extend(group.exceptions)
        if over:
            raise over[0]

    async def _send(self, tasks: asyncio.TaskGroup, votes: int | None, *, at_once: bool) -> None:
        """Begin all votes, as far as there is room for them."""
        await self._first_frame()
        pace = VotePace(None if at_once else self._probing.per_hour, time.monotonic())
        for number in itertools.count() if votes is None else range(votes):
            await asyncio.sleep(pace.wait_s(time.monotonic()))
            try:
                async with asyncio.timeout(None if votes is None else self._within_s):
                    contestant_id = await self._free.get()
                    by = await self._next_voter()
            except TimeoutError:
                log.warning("no room for another vote", extra={"sent": number})
                return
            self._board.token = by.token
            traced = number % self._probing.traced_one_in == 0
            task = tasks.create_task(self._follow(by, contestant_id, traced=traced))
            self._following.add(task)
            task.add_done_callback(self._following.discard)

    async def _follow(self, by: Renewed, contestant_id: str, *, traced: bool) -> None:
        await self._follower.follow(by, contestant_id, traced=traced)
        self._free.put_nowait(contestant_id)

    async def _outcomes(self) -> None:
        """Wait until each vote that was sent has one; what only waits for a definite answer has."""
        while self._following:
            done, _ = await asyncio.wait(self._following, timeout=self._within_s, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                return

    async def _first_frame(self) -> None:
        """Wait for the stream, but not for ever: without one votes are lost there, which is what has to be told."""
        try:
            async with asyncio.timeout(self._probing.seen_within_ms / 1000):
                await self._stream.totals.known.wait()
        except TimeoutError:
            log.warning("no stream yet")

    async def _next_voter(self) -> Renewed:
        """A canary who hasn't voted, with a new access token; one that gets no answer is tried again for ever."""
        for _ in range(ENDED_SESSIONS_MAX):
            canary = self._file.take()
            if canary is None:
                raise UsedUpError("all canaries have voted in this event")
            try:
                renewed = await self._renewed(canary)
            except asyncio.CancelledError:
                self._file.give_back(canary.user_id)
                raise
            if renewed:
                self._file.renew(renewed.canary)
                return renewed
            self._file.forget(canary.user_id)
        self._file.forget_before(time.time())
        raise UsedUpError("the sessions of these canaries have ended")

    async def _renewed(self, canary: Canary) -> Renewed | None:
        """None: its session has ended."""
        backoff = Backoff(*RENEW_AGAIN_S)
        while True:
            try:
                return await self._client.renew(canary)
            except (Unavailable, RefusedError) as error:
                if isinstance(error, RefusedError) and error.status == 401:
                    log.warning("a canary's session has ended")
                    return None
                if not backoff.failures:
                    log.warning("no access token", extra={"error": str(error)})
            await asyncio.sleep(backoff.next_s())
