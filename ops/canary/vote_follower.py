"""Follows one vote: it is sent until its answer is definite, and awaited on the stream and on the leaderboard.

A vote without an ack in its time is lost, and still sent on until its answer is definite: only then is it known which
total of its contestant is the next one's. So a contestant is never used by two votes at once.
"""

import asyncio
import logging
import random
import time

from contract.backoff import Backoff
from ops.canary.canary_file import CanaryEvent, CanaryFile
from ops.canary.edge_client import EdgeClient, RefusedError, Renewed, Unavailable
from ops.canary.journey import Journey, Journeys, Outcome
from ops.canary.shown_totals import ShownTotals

RETRY_S = (0.1, 5.0)

log = logging.getLogger(__name__)


class VoteFollower:
    """Follows votes of one event, and tells of each when its outcome is known."""

    def __init__(
        self,
        client: EdgeClient,
        file: CanaryFile,
        event: CanaryEvent,
        roads: tuple[ShownTotals, ShownTotals],
        journeys: Journeys,
        *,
        ack_within_s: float,
        seen_within_s: float,
    ) -> None:
        self._client = client
        self._file = file
        self._event = event
        self._stream, self._board = roads
        self._journeys = journeys
        self._ack_within_s = ack_within_s
        self._seen_within_s = seen_within_s

    async def follow(self, by: Renewed, contestant_id: str, *, traced: bool) -> None:
        """Return when the contestant is free for the next vote, which may be after its outcome is told."""
        journey = Journey(f"{random.getrandbits(128):032x}", traced)
        shown = [road.total(contestant_id) for road in (self._stream, self._board)]
        total = max(self._file.acks(contestant_id), *shown) + 1
        seen = [road.when(contestant_id, total) for road in (self._stream, self._board)]
        sent_at = time.perf_counter()
        casting = asyncio.create_task(self._cast(by, contestant_id, journey))
        try:
            await asyncio.wait({casting}, timeout=self._ack_within_s)
            if not casting.done():
                self._end(journey, Outcome.LOST_AT_ACK)
            acked_at = await casting
            self._file.acked(contestant_id, total)
            if journey.outcome is None:
                journey.stages["sent_to_acked"] = acked_at - sent_at
                await asyncio.wait(seen, timeout=self._seen_within_s)
                self._end(journey, _seen(journey, sent_at, acked_at, *seen))
        except RefusedError as error:
            log.warning("vote refused", extra={"answer": str(error), "trace_id": journey.trace_id})
            if journey.outcome is None:
                self._end(journey, Outcome.REFUSED)
        finally:
            for each in (casting, *seen):
                each.cancel()

    def _end(self, journey: Journey, outcome: Outcome) -> None:
        if outcome not in (Outcome.SEEN, Outcome.REFUSED):
            log.warning("vote lost", extra={"outcome": outcome.value, "trace_id": journey.trace_id})
        self._journeys.end(journey, outcome)

    async def _cast(self, by: Renewed, contestant_id: str, journey: Journey) -> float:
        """When it was acked; the very same vote is sent again until then."""
        backoff = Backoff(*RETRY_S)
        while True:
            traceparent = f"00-{journey.trace_id}-{random.getrandbits(64):016x}-{int(journey.is_traced):02x}"
            try:
                await self._client.vote(by, self._event.event_id, contestant_id, traceparent)
            except Unavailable:
                await asyncio.sleep(backoff.next_s())
            else:
                return time.perf_counter()


def _seen(
    journey: Journey,
    sent_at: float,
    acked_at: float,
    streamed: "asyncio.Future[float]",
    boarded: "asyncio.Future[float]",
) -> Outcome:
    """What became of an acked vote; its stages are noted."""
    if streamed.done():
        journey.stages["acked_to_streamed"] = max(0.0, streamed.result() - acked_at)
        journey.stages["sent_to_streamed"] = streamed.result() - sent_at
    if boarded.done():
        journey.stages["sent_to_leaderboard"] = boarded.result() - sent_at
    if not streamed.done():
        return Outcome.LOST_AT_STREAM
    return Outcome.SEEN if boarded.done() else Outcome.LOST_AT_LEADERBOARD
