"""How many viewers one sse process serves: against nginx with nchan; with 10,000, some of them stalled; in a storm.

1. Deliveries a second to 1,000 and to 5,000 viewers, ours and nchan in turn, one process each, the same payload,
   viewers and load tool. Each is offered more updates than it can deliver, at two rates; its better one counts. Ours
   pushes as often as it can there; by default that is no more than 20 times a second.
2. 10,000 viewers: memory each, and when one update has reached them; in turn with a tenth of them stalled.
3. 5,000 viewers come back at once after a kill -9: how long until all have the newest version, and what they are told.
"""

import contextlib
import itertools
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import psycopg

from ops.benches import bench_report
from ops.benches.memory_watch import MemoryWatch
from ops.benches.nchan_server import STREAM, NchanServer, is_installed, nchan_server
from ops.load.latency import percentile_ms
from ops.load.stream_load import StreamLoad, stream_load
from ops.load.stream_storm import Storm
from ops.rig.event import Event, make_event
from ops.rig.people import TokenMint
from ops.rig.postgres import migrated_database
from ops.rig.service import Service, read_process
from ops.rig.tallies import Tallies
from ops.rig.valkey import valkey

SIZES = {5_000: (20, 35), 1_000: (150, 250)}  # viewers: updates a second that are offered
ROUNDS = 3
SECONDS = 4.0
MANY, STALLED_SHARE, UPDATES = 10_000, 10, 18
FILLING, FILLING_A_SECOND = 200, 20  # updates before that
STORM = 5_000
CONTESTANTS = 8  # make a payload of about 800 bytes


class Bench:
    """One sse process and what feeds it."""

    def __init__(self, sse: Service, tallies: Tallies, event: Event) -> None:
        self.sse = sse
        self.port = sse.port
        self.path = f"/v1/event/{event.event_id}/stream"
        self._tallies = tallies
        self._event = event
        self.version = 100

    def update(self) -> None:
        """One more vote for everybody, as fanout would publish it."""
        self.version += 1
        votes = dict.fromkeys(range(1, CONTESTANTS + 1), 100000 + self.version)
        self._tallies.write(self._event, votes, lsn=self.version)


def main(_arguments: Sequence[str]) -> int:
    """Run the bench."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        migrated_database(Path(name) / "postgres") as database,
        valkey(Path(name) / "valkey") as redis,
    ):
        folder, mint = Path(name), TokenMint(Path(name))
        with psycopg.connect(database.url(), autocommit=True) as connection:
            event = make_event(connection, contestants=CONTESTANTS)
        bench_report.conditions(postgres=database.version(), rounds=ROUNDS, seconds=SECONDS)

        @contextlib.contextmanager
        def running(**settings: str) -> Iterator[Bench]:
            limits = {"STREAM_CLIENTS_MAX": "20000", "STREAM_CLIENTS_PER_ADDRESS_MAX": "20000", **settings}
            url = database.url("vote_query")
            with read_process("query.streams", folder, url, redis.url, mint, **limits) as sse:
                bench = Bench(sse, Tallies(redis.url), event)
                bench.update()
                yield bench

        ratios = {}
        with running(STREAM_PUSH_EVERY_MS="0") as bench:
            ratios = against_nchan(bench, folder / "nchan")
        with running() as bench:
            measure_many(bench)
            measure_storm(bench)
    bench_report.ratios(ratios)
    return 0


def against_nchan(bench: Bench, folder: Path) -> dict[str, float]:
    """The ratios of deliveries, or nothing where nchan isn't installed."""
    if not is_installed():
        print("nginx with nchan isn't installed here (Debian: nginx, libnginx-mod-nchan): no ratios", flush=True)
    rows, ratios = [], {}
    with nchan_server(folder) if is_installed() else contextlib.nullcontext() as nchan:
        for viewers, rates in SIZES.items():
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(deliveries(bench.port, bench.path, viewers, rates, bench.update))
                if nchan:
                    theirs.append(deliveries(nchan.port, STREAM, viewers, rates, publisher(nchan)))
            rows.append((f"{viewers:,} viewers", statistics.median(ours), statistics.median(theirs or [float("nan")])))
            if nchan:
                ratios[f"vs_nchan_{viewers}"] = bench_report.median_ratio(ours, theirs)
    bench_report.table(("deliveries a second", "sse", "nchan"), rows)
    return ratios


def publisher(nchan: NchanServer) -> Callable[[], None]:
    """Publishes a payload as ours, another one each time."""
    numbers = itertools.count(100_000)
    identity = "00000000-0000-4000-8000-000000000000"

    def publish() -> None:
        number = next(numbers)
        rows = ",".join([f'{{"contestant_id":"{identity}","total_votes":{number}}}'] * CONTESTANTS)
        nchan.publish(
            f'{{"type":"standings","event_id":"{identity}","version":{number},"status":"open","total_votes":{number},'
            f'"contestants":[{rows}],"as_of":"2026-01-01T20:15:00.000000Z","stale":false}}'.encode()
        )

    return publish


def deliveries(port: int, path: str, viewers: int, rates: Sequence[int], update: Callable[[], None]) -> float:
    """The best of several offered rates."""
    with stream_load(port, path, viewers, update) as load:
        return max(_deliveries(load, rate, update) for rate in rates)


def _deliveries(load: StreamLoad, rate: int, update: Callable[[], None]) -> float:
    first, began = load.counted().frames, time.monotonic()
    for number in range(int(rate * SECONDS)):
        update()
        time.sleep(max(0.0, began + (number + 1) / rate - time.monotonic()))
    return (load.counted().frames - first) / (time.monotonic() - began)


def measure_many(bench: Bench) -> None:
    """One update a moment to 10,000 viewers, and in turn while a tenth of them doesn't read."""
    process = psutil.Process(bench.sse.process.pid)
    empty_mb = process.memory_info().rss / 2**20
    found: dict[int, list[tuple[float, ...]]] = {0: [], MANY // STALLED_SHARE: []}
    for _, stalled in itertools.product(range(ROUNDS), found):
        with (
            stream_load(bench.port, bench.path, MANY, bench.update, stalled=stalled, eager=True) as load,
            MemoryWatch([process.pid], 0.2) as memory,
        ):
            latencies = _latencies(bench, load)
        percentiles = [percentile_ms(latencies, percent) for percent in (50, 99, 100)]
        found[stalled].append((*percentiles, max(memory.megabytes)))
    rows = [
        (f"{stalled:,} of them stalled", *map(statistics.median, zip(*rounds, strict=True)))
        for stalled, rounds in found.items()
    ]
    head = (f"one update to {MANY:,} viewers", "p50 ms", "p99 ms", "last ms", "process MB at most")
    bench_report.table(head, rows)
    print(f"memory: {1024 * (found[0][0][-1] - empty_mb) / MANY:.1f} KB a viewer", flush=True)


def _latencies(bench: Bench, load: StreamLoad) -> list[float]:
    """Of every delivery, from its update on; before, there are so many that sockets that nobody reads are full."""
    for _ in range(FILLING):
        bench.update()
        time.sleep(1 / FILLING_A_SECOND)
    time.sleep(1.0)
    found: list[float] = []
    load.counted()
    for _ in range(UPDATES):
        began = time.monotonic()
        bench.update()
        time.sleep(1.0)
        found += [arrival - began for arrival in load.counted().arrivals]
    return found


def measure_storm(bench: Bench) -> None:
    """All viewers lose their server at one moment and come back as soon as they notice."""
    context = multiprocessing.get_context("spawn")
    with Storm(context, bench.port, bench.path, STORM) as storm:
        bench.sse.process.kill()
        bench.update()
        began = time.monotonic()
        bench.sse.process.start()
        served_s = time.monotonic() - began
        outcome = storm.wait_until_all_have(bench.version)
    bench_report.table(
        (f"{STORM:,} viewers come back after a kill -9", "seconds since the kill"),
        [("the server serves again", served_s), ("half of them have the newest", outcome.half_s),
         ("all of them", outcome.all_s)],
    )  # fmt: skip
    assert outcome.statuses.keys() <= {200, 429, 503}, outcome.statuses
    print(f"answers meanwhile: {outcome.statuses}; connections refused: {outcome.refused}", flush=True)
