"""Votes whose way to the screen can be followed one by one, in a process of their own.

Each prober votes for a contestant of its own, one vote after another: its n-th vote is in a tally, and on a screen,
as soon as its contestant has n votes there. So every single vote is timed, whatever else is voted for meanwhile, and
from the moment when it was due, so that a stall isn't hidden by the votes that it kept from being sent.

    due ──► acked ──► published in Redis ──► seen by each viewer
"""

import asyncio
import bisect
import contextlib
import multiprocessing
import multiprocessing.connection
import random
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import msgspec
import redis.asyncio
import uvloop

from contract.redis_keys import STANDINGS_CHANNEL
from contract.standings import SourceTally
from ops.load.vote_requests import vote_requests
from ops.rig.event import Event
from ops.rig.people import Voter

PROBES_A_SECOND = 20  # of each prober
SEEN_WITHIN_S = 30
_ID = re.compile(rb"^id: \d+-(\d+)$", re.MULTILINE)


@dataclass
class Journeys:
    """Seconds, for each vote and, where viewers are concerned, for each of them."""

    ack: list[float] = field(default_factory=list)
    ack_to_tally: list[float] = field(default_factory=list)
    tally_to_client: list[float] = field(default_factory=list)
    sent_to_client: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Watched:
    """Where to vote and to look: the edge's port, the event, and its contestants who get probes only."""

    port: int
    redis_url: str
    event: Event
    probed: Sequence[int]  # contestant_no
    viewers: int


class VoteObserver:
    """The observer, from the side of who asks."""

    def __init__(self, pipe: "multiprocessing.connection.Connection[Any, Any]") -> None:
        self._pipe = pipe

    def begin(self, seconds: float) -> None:
        """Cast probes for so long."""
        self._pipe.send(seconds)

    def journeys(self) -> Journeys:
        """What became of them; waits until each has been seen by all."""
        return cast("Journeys", self._pipe.recv())


@contextlib.contextmanager
def vote_observer(watched: Watched, voters: Sequence[Voter]) -> Iterator[VoteObserver]:
    """Begin the block when all viewers have a first frame; `voters` cast the probes."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, watched, voters))
    process.start()
    try:
        ours.recv()
        yield VoteObserver(ours)
    finally:
        process.terminate()
        process.join()


def _run(pipe: Any, watched: Watched, voters: Sequence[Voter]) -> None:
    uvloop.run(_Observer(watched).run(pipe, voters))


class _Viewer(asyncio.Protocol):
    """One stream: the version of each frame, and when it came."""

    def __init__(self, path: str) -> None:
        self._request = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n".encode()
        self._rest = b""
        self.versions: list[int] = []
        self.arrivals: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.WriteTransport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        whole, _, self._rest = (self._rest + data).rpartition(b"\n\n")
        for found in _ID.finditer(whole):
            self.versions.append(int(found[1]))
            self.arrivals.append(now)

    def newest(self) -> int:
        return self.versions[-1] if self.versions else -1

    def seen_at(self, version: int) -> float:
        return self.arrivals[bisect.bisect_left(self.versions, version)]


class _Published:
    """Every tally of the event that fanout published, and when it arrived."""

    def __init__(self) -> None:
        self.arrivals: list[float] = []
        self.tallies: list[SourceTally] = []

    def votes_of(self, contestant_no: int) -> int:
        return self.tallies[-1].counts.get(contestant_no, 0) if self.tallies else 0

    def first_with(self, contestant_no: int, votes: int) -> tuple[float, int]:
        """When a tally with so many votes of a contestant arrived, and its version."""
        at = bisect.bisect_left(self.tallies, votes, key=lambda tally: tally.counts.get(contestant_no, 0))
        return self.arrivals[at], self.tallies[at].lsn

    async def watch(self, url: str, event_id: str, subscribed: asyncio.Event) -> None:
        decoder = msgspec.json.Decoder(SourceTally)
        client = redis.asyncio.Redis.from_url(url)
        async with client, client.pubsub() as channel:
            await channel.subscribe(STANDINGS_CHANNEL)
            async for message in channel.listen():
                if message["type"] == "subscribe":
                    subscribed.set()
                elif (tally := decoder.decode(message["data"])).event_id == event_id:
                    self.arrivals.append(time.monotonic())
                    self.tallies.append(tally)


class _Observer:
    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._published = _Published()
        path = f"/v1/event/{watched.event.event_id}/stream"
        self._viewers = [_Viewer(path) for _ in range(watched.viewers)]
        self._probes: dict[int, list[tuple[float, float]]] = {no: [] for no in watched.probed}  # due, acked

    async def run(self, pipe: Any, voters: Sequence[Voter]) -> None:
        """Watch, say so, probe for as long as is asked for, and send the journeys."""
        loop, subscribed = asyncio.get_running_loop(), asyncio.Event()
        watched = self._watched
        watching = asyncio.create_task(self._published.watch(watched.redis_url, watched.event.event_id, subscribed))
        await subscribed.wait()
        for viewer in self._viewers:
            await loop.create_connection(lambda it=viewer: it, "127.0.0.1", watched.port)  # type: ignore[misc]  # mypy infers no lambda's default
        await self._until_all_have(0)
        pipe.send("watching")
        until = await asyncio.to_thread(pipe.recv) + time.monotonic()
        share = len(voters) // len(watched.probed)
        await asyncio.gather(
            *(self._probe(no, voters[i * share : (i + 1) * share], until) for i, no in enumerate(watched.probed))
        )
        pipe.send(await self._journeys())
        watching.cancel()

    async def _probe(self, contestant_no: int, voters: Sequence[Voter], until: float) -> None:
        contestant = self._watched.event.contestants[contestant_no - 1]
        reader, writer = await asyncio.open_connection("127.0.0.1", self._watched.port)
        due = time.monotonic()
        for request in vote_requests(replace(self._watched.event, contestants=[contestant]), voters):
            due += random.uniform(0.5, 1.5) / PROBES_A_SECOND  # noqa: S311  # meets each phase of a flush
            if due > until:
                break
            await asyncio.sleep(due - time.monotonic())
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            self._probes[contestant_no].append((due, time.monotonic()))
            length = re.search(rb"content-length: (\d+)", head.lower())
            await reader.readexactly(int(length[1]) if length else 0)
        writer.close()

    async def _journeys(self) -> Journeys:
        found = Journeys()
        for contestant_no, probes in self._probes.items():
            await self._until_published(contestant_no, len(probes))
            for number, (due, acked) in enumerate(probes, 1):
                tallied, version = self._published.first_with(contestant_no, number)
                await self._until_all_have(version)
                seen = [viewer.seen_at(version) for viewer in self._viewers]
                found.ack.append(acked - due)
                found.ack_to_tally.append(tallied - acked)
                found.tally_to_client += [at - tallied for at in seen]
                found.sent_to_client += [at - due for at in seen]
        return found

    async def _until_published(self, contestant_no: int, votes: int) -> None:
        await _eventually(lambda: self._published.votes_of(contestant_no) >= votes)

    async def _until_all_have(self, version: int) -> None:
        await _eventually(lambda: all(viewer.newest() >= version for viewer in self._viewers))


async def _eventually(condition: Any) -> None:
    async with asyncio.timeout(SEEN_WITHIN_S):
        while not condition():  # noqa: ASYNC110  # hundreds of viewers change it, thousands of times a second
            await asyncio.sleep(0.02)
