"""The hub of all streams of this process: hears of changes, reads the state once, sends the same bytes to all.

    bell ──► rung events ──read_many──► feeds ──one chunk──► clients

A change waits until the push before it is done, however long that takes; what came in between is skipped: latest wins.
Those who join get their turn every CLIENTS_PER_TURN clients.
Each second every feed is read again: that finds silent listeners, lost messages and an absent Redis.
What was read longer ago than SHOWN_FOR_S goes to nobody, since it may have been hidden: not to those who join, who wait
for the next read, nor to those who are behind, nor to the rest of a long push.
"""

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from prometheus_client import Counter, Gauge

from contract import metric_names, stages
from contract.errors import Busy, NotFound, ResultsHidden
from contract.standings import SHOWN_FOR_S
from query.event import Event
from query.event_directory import EventDirectory
from query.on_air import Audience
from query.reading import Reading
from query.settings import Streaming
from query.standings_reader import StandingsReader
from query.streams.sse_client import SseClient
from query.streams.sse_feed import Channel, SseFeed
from query.streams.stream_frames import HEARTBEAT
from query.streams.traced_push import TracedPush

SWEEP_EVERY_S = 0.25
SWEEPS_PER_REREAD = 4
CUTS_PER_SWEEP = 20  # letting go of a thousand at once would keep the others waiting for half a second (tried)
DRAIN_CLIENTS_A_SECOND = 200  # at least, so that a small audience is gone at once
DRAIN_STEP_S = 0.1
CLIENTS_PER_TURN = 500  # then the loop may do something else

SUBSCRIBERS = Gauge(metric_names.STREAM_SUBSCRIBERS, "Clients of streams")
DELIVERIES = Counter(metric_names.STREAM_DELIVERIES, "Frames sent, one for each client")
SKIPPED = Counter(
    metric_names.STREAM_SKIPPED_SNAPSHOTS, "Frames not sent since the client's socket was full; it gets a newer one"
)
CUT = Counter(metric_names.STREAM_CUT_CLIENTS, "Clients cut since their socket stayed full")

log = logging.getLogger(__name__)


class SseHub:
    """Feeds by event_id. `run_pushes` and `run_sweeps` are its tasks."""

    def __init__(self, standings: StandingsReader, events: EventDirectory, limits: Streaming) -> None:
        self._standings = standings
        self._events = events
        self._limits = limits
        self._feeds: dict[str, SseFeed] = {}
        self._rung: dict[str, float | None] = {}  # when it was heard that this tally has changed; None: it may have
        self._woken = asyncio.Event()
        self._watchers = 0
        self.closing = False

    @contextlib.asynccontextmanager
    async def watch(self, event: Event, audience: Audience) -> AsyncIterator[Channel]:
        """What this audience is shown, kept current until the end of the block; `Busy` when full, closing or blind.

        `ResultsHidden` if that is nothing.
        """
        if self.closing or self._watchers >= self._limits.clients_max:
            raise Busy("too many streams, come back in a moment")
        feed = self._feeds.setdefault(event.event_id, SseFeed(event))
        feed.watchers += 1
        self._watchers += 1
        SUBSCRIBERS.set(self._watchers)
        try:
            await self._read_if_old(feed)
            channel = feed.channels[audience]
            if channel.shown is None:
                raise ResultsHidden
            yield channel
        finally:
            self._watchers -= 1
            SUBSCRIBERS.set(self._watchers)
            feed.watchers -= 1
            if not feed.watchers:
                self._feeds.pop(event.event_id, None)

    async def _read_if_old(self, feed: SseFeed) -> None:
        async with feed.first_reading:  # whoever comes meanwhile waits for the one read
            if feed.reading is None:
                asked_at = time.monotonic()
                feed.show(await self._standings.read(feed.event), asked_at)
                self.ring(feed.event.event_id)  # what rang during the read may be newer
        if _is_old(feed):
            feed.read_again.clear()
            self.ring(feed.event.event_id)
            await feed.read_again.wait()
            if _is_old(feed):
                raise Busy

    def ring(self, event_id: str | None) -> None:
        """An event has changed, or, with None, any may have."""
        if event_id is None:
            self._rung = dict.fromkeys(self._feeds) | self._rung
        elif event_id in self._feeds and self._rung.get(event_id) is None:
            self._rung[event_id] = time.monotonic()
        if self._rung:
            self._woken.set()

    def trace(self, event_id: str, traceparents: Sequence[str]) -> None:
        """Votes of an event are in Redis that are traced; heard before the event rings."""
        if event_id in self._feeds:
            self._feeds[event_id].traces.hear(traceparents)

    def watching(self) -> dict[str, int]:
        """How many clients each event has here."""
        return {event_id: feed.watchers for event_id, feed in self._feeds.items()}

    def end_revoked(self, ids: Collection[str]) -> None:
        """End the restricted streams of those whose sessions are over."""
        revoked = frozenset(ids)
        for client in [client for feed in self._feeds.values() for client in feed.clients]:
            if not revoked.isdisjoint(client.let_in_by):
                client.end()

    async def run_pushes(self) -> None:
        """Read and push what has changed, for ever."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            started = time.monotonic()
            rung, self._rung = self._rung, {}
            try:
                await self._refresh({self._feeds[each]: at for each, at in rung.items() if each in self._feeds})
            except Exception as error:
                log.exception("a push failed", exc_info=error)
            took_s = time.monotonic() - started
            await asyncio.sleep(self._limits.push_every_ms / 1000 - took_s)

    async def run_sweeps(self) -> None:
        """Look after the clients, for ever: newest frames for those behind, heartbeats, ends; and read all again."""
        for sweep in itertools.count():
            await asyncio.sleep(SWEEP_EVERY_S)
            if sweep % SWEEPS_PER_REREAD == 0:
                self.ring(None)
            try:
                self._sweep_all(time.monotonic())
            except Exception as error:
                log.exception("a sweep failed", exc_info=error)

    async def drain(self) -> None:
        """Take no more clients and end all streams, a few at a time, so that the next server isn't stormed."""
        self.closing = True
        clients = [client for feed in self._feeds.values() for client in feed.clients]
        rate = max(DRAIN_CLIENTS_A_SECOND, len(clients) / (self._limits.drain_ms / 1000))
        for some in _slices(clients, max(1, int(rate * DRAIN_STEP_S))):
            for client in some:
                client.end()
            await asyncio.sleep(DRAIN_STEP_S)

    async def _refresh(self, rung: Mapping[SseFeed, float | None]) -> None:
        feeds = [feed for feed in rung if feed.reading is not None]
        asked_at = time.monotonic()
        traces = [feed.traces.take() for feed in feeds]  # what was heard by now is in what will be read
        readings = await self._standings.read_many(feed.event for feed in feeds)
        await asyncio.gather(*map(self._look_at_event, feeds))
        for feed, traced in zip(feeds, traces, strict=True):
            reading = readings.get(feed.event.event_id)
            before = feed.reading
            if reading and (changed := feed.show(reading, asked_at)):
                new_votes = reading.standings.total_votes - before.standings.total_votes if before else 0
                push = TracedPush(traced, new_votes)
                await _push(feed, changed, push)
                _measure(before, reading, rung[feed], push.trace_id)
            elif reading:
                TracedPush(traced).end_early(feed.channels.values())
            else:
                feed.traces.put_back(traced)
            feed.read_again.set()

    async def _look_at_event(self, feed: SseFeed) -> None:
        """Its contestants may change before it opens, and who may see its results at any time."""
        with contextlib.suppress(Busy, NotFound):
            feed.event = await self._events.current(UUID(feed.event.event_id))

    def _sweep_all(self, now: float) -> None:
        cut = 0
        for feed in list(self._feeds.values()):
            cut += _sweep(feed, self._limits, now, CUTS_PER_SWEEP - cut)
        CUT.inc(cut)


async def _push(feed: SseFeed, channels: Iterable[Channel], push: TracedPush) -> None:
    feed.sent_at = time.monotonic()
    for channel in channels:
        sent, clients = 0, list(channel.clients)
        frame = channel.frame_with(push.traceparents_for(channel.audience, channel.shown))
        for at in range(0, len(clients), CLIENTS_PER_TURN):
            if _is_old(feed):
                for client in clients[at:]:
                    client.fall_behind()  # a sweep sends them what is newest then
                break
            sent += channel.deliver(clients[at : at + CLIENTS_PER_TURN], frame)
            await asyncio.sleep(0)
        DELIVERIES.inc(sent)
        SKIPPED.inc(len(clients) - sent)
        push.clients += sent
    push.end()


def _sweep(feed: SseFeed, limits: Streaming, now: float, cuts_max: int) -> int:
    """Look after one event's clients; how many were cut."""
    cut = 0
    quiet = now - feed.sent_at > limits.heartbeat_ms / 1000
    if quiet:
        feed.sent_at = now
    for channel in feed.channels.values():
        for client in list(channel.clients):
            if (client.is_behind or channel.is_over) and not _is_old(feed):
                if not channel.deliver([client]) and cut < cuts_max:
                    cut += client.cut_if_stalled(limits.stalled_ms / 1000)
            elif now > client.expires_at:
                client.end()
            elif quiet:
                client.offer(HEARTBEAT)
    return cut


def _is_old(feed: SseFeed) -> bool:
    """Whether what is known of an event may be shown no longer."""
    return time.monotonic() - feed.asked_at > SHOWN_FOR_S


def _slices(clients: Sequence[SseClient], size: int) -> Iterator[Sequence[SseClient]]:
    return (clients[at : at + size] for at in range(0, len(clients), size))


def _measure(before: Reading | None, now: Reading, heard_at: float | None, trace_id: str | None) -> None:
    """Observe how long a vote took to the screen, when this push brought one and nothing was amiss.

    What is tallied is heard of at once, so since then is since it was tallied, and no two clocks are compared.
    """
    if before is not None and not before.stale and now.standings.newer_than(before.standings):
        if heard_at is not None:
            stages.observe(stages.TALLIED_TO_DELIVERED, time.monotonic() - heard_at, trace_id)
        counted_at = datetime.fromisoformat(now.standings.as_of)
        took_s = max(0.0, time.time() - counted_at.timestamp())
        stages.observe(stages.COMMITTED_TO_DELIVERED, took_s, trace_id)
