"""Counts the votes of events on the replica, in the background: whoever asks gets the last count, with its age.

One count at a time, a leaf after the other, and afterwards a rest that is many times as long: voting doesn't feel it. A
large one rests after each statement, too, as long as that took.
The first one to ask waits a moment, which is enough for events of ordinary size. What takes long takes turns among
itself: so an event of ordinary size never waits for one of millions of votes.

    asked ─► kept and not due ───────────────────────────► the last count, or None
        └──► start counting, or join who waits ─ done ───► the new one
                                         ├─ not yet ─────► the last one, or None
                                         └─ failed ─ rest, then whoever asks starts anew
"""

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

from contract.errors import Busy
from contract.standings import FINAL_STATUSES
from query.event import Event
from query.reads.statistics_reader import StatisticsReader
from query.reads.vote_counts import VoteCounts, rest_s

EVENTS_KEPT_MAX = 200
EVENTS_WAITING_MAX = 20
FIRST_WITHIN_S = 3.0
NEXT_WITHIN_S = 0.3
LARGE_VOTES = 200_000  # so many are counted in less than half a second
SLICE_VOTES = 1_000_000  # the devices of so many are told apart in memory (count_devices in SQL)

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class _Kept(NamedTuple):
    counts: VoteCounts | None  # of the last count that came to an end
    due_at: float  # monotonic: not counted again before


class VoteCounter:
    """Keeps the last count of events that somebody asked for."""

    def __init__(self, reader: StatisticsReader) -> None:
        self._reader = reader
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._counting: dict[int, asyncio.Task[None]] = {}
        self._turns = {is_large: asyncio.Lock() for is_large in (False, True)}

    async def counts(self, event: Event, leaves: int, votes: int) -> VoteCounts | None:
        """The last count of this event, None while there is none yet; `Busy` when too many events wait for it.

        `votes`: about how many it has.
        """
        kept = self._kept.get(event.event_no)
        if kept is None or kept.due_at <= time.monotonic():
            counting = self._counting.get(event.event_no) or self._start(event, leaves, votes)
            await asyncio.wait([counting], timeout=NEXT_WITHIN_S if kept and kept.counts else FIRST_WITHIN_S)
            kept = self._kept.get(event.event_no)
        return kept.counts if kept else None

    def _start(self, event: Event, leaves: int, votes: int) -> asyncio.Task[None]:
        if len(self._counting) >= EVENTS_WAITING_MAX:
            raise Busy("too many events wait to be counted, come back in a moment")
        counting = self._counting[event.event_no] = asyncio.create_task(self._keep(event, leaves, votes))
        return counting

    async def _keep(self, event: Event, leaves: int, votes: int) -> None:
        try:
            async with self._turns[votes > LARGE_VOTES]:
                self._kept[event.event_no] = await self._tried(event, leaves, votes)
        finally:
            del self._counting[event.event_no]
        self._kept.move_to_end(event.event_no)
        if len(self._kept) > EVENTS_KEPT_MAX:
            self._kept.popitem(last=False)

    async def _tried(self, event: Event, leaves: int, votes: int) -> _Kept:
        """The new count, or the last one when it fails; either way with a rest."""
        began_at = time.monotonic()
        try:
            counts = await self._count(event, leaves, votes)
        except Busy as error:
            log.warning("votes can't be counted", extra={"event_id": event.event_id, "reason": str(error.__cause__)})
        except Exception:
            log.exception("a count failed for a reason that nobody foresaw", extra={"event_id": event.event_id})
        else:
            return _Kept(counts, time.monotonic() + rest_s(counts.took_s, over=counts.over))
        before, now = self._kept.get(event.event_no), time.monotonic()
        return _Kept(before.counts if before else None, now + rest_s(now - began_at))

    async def _count(self, event: Event, leaves: int, about: int) -> VoteCounts:
        as_of, began_at = datetime.now(UTC), time.monotonic()
        by_minute: Counter[datetime] = Counter()
        by_region: Counter[str] = Counter()
        for leaf in range(leaves):
            for minute, region, votes in await _resting(about, self._reader.leaf(event.event_no, leaf)):
                if minute:
                    by_minute[minute] += votes
                else:
                    by_region[region or ""] += votes
        refusals = await self._reader.refusals(event.event_no)
        assurances = await self._reader.assurances(event.event_no)
        devices = await self._devices(event, about)
        choices = await self._choices(event, about)
        over = event.status in FINAL_STATUSES
        took_s = time.monotonic() - began_at
        return VoteCounts(as_of, took_s, over, by_minute, by_region, choices, refusals, assurances, devices)

    async def _choices(self, event: Event, about: int) -> Mapping[str, Mapping[int, int]]:
        try:
            return await _resting(about, self._reader.choices(event.event_no))
        except Busy as error:
            log.warning("choices can't be counted", extra={"event_id": event.event_id, "reason": str(error.__cause__)})
            return {}

    async def _devices(self, event: Event, about: int) -> int | None:
        parts = 1 << (about // SLICE_VOTES).bit_length()
        try:
            return sum(
                [await _resting(about, self._reader.devices(event.event_no, part, parts)) for part in range(parts)]
            )
        except Busy:
            return None


async def _resting(about: int, answer: Awaitable[Answer]) -> Answer:
    """What is answered, with a rest after it if the event is a large one: commits get disk and cores between."""
    began_at = time.monotonic()
    answered = await answer
    if about > LARGE_VOTES:
        await asyncio.sleep(time.monotonic() - began_at)
    return answered
