"""How fast the WAL is counted: fanout against pg_recvlogical, Postgres' own client, which only throws it away.

Four questions, each on a real Postgres, Valkey and fanout process of this bench:
1. A backlog of 3 million votes in commits of 500, read alternately: rows a second, CPU a row.
2. Memory while it reads a backlog of 10 million, and then one transaction of 1 million.
3. At half the best ingest rate: how long a batch takes from the return of its commit until a subscriber of Redis has
   the total that contains it. And how long a second fanout takes to lead when the first one dies, or stops.
4. What it costs that one vote in a hundred is traced: a backlog with and one without traces, read alternately.
"""

import argparse
import asyncio
import bisect
import itertools
import signal
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg

from contract.standings import SourceTally
from ops.benches import bench_report
from ops.benches.ledger_bench import BATCH, CONNECTIONS, cast, cast_rate, columns_of, new_event
from ops.benches.memory_watch import MemoryWatch
from ops.benches.wal_backlog import Reading, WalBacklog
from ops.load.latency import percentile_ms
from ops.rig.database import Database
from ops.rig.event import Event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.postgres import migrated_database
from ops.rig.screen import Screen
from ops.rig.valkey import valkey
from ops.traces.otlp_receiver import otlp_receiver

ROWS_A_COMMIT = 500
ROUNDS = 5
TRANSACTION_ROWS = 1_000_000
LATENCY_S = 15.0
BEST_RATE_S = 5.0
SAMPLE_S = 0.05


def main(arguments: Sequence[str]) -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(prog="./ops/bench fanout")
    parser.add_argument("--rows", type=int, default=3_000_000, help="the backlog that both read")
    parser.add_argument("--traced-rows", type=int, default=1_000_000, help="the backlogs with and without traces")
    parser.add_argument("--memory-rows", type=int, default=10_000_000, help="the backlog whose memory is watched")
    given = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        migrated_database(Path(folder) / "postgres") as database,
        valkey(Path(folder) / "valkey") as redis,
    ):
        fanout = FanoutProcess(database.url("vote_fanout"), redis.url)
        bench_report.conditions(postgres=database.version(), rounds=ROUNDS, backlog=given.rows)
        backlog = WalBacklog(database, redis.url, fanout, new_event(database).event_no)
        backlog.grow(given.rows, ROWS_A_COMMIT)
        ratio = compare(backlog, given.rows)
        watch_memory(backlog, given.rows, given.memory_rows)
        with fanout.running():
            measure_latency(database, redis.url)
            measure_takeover(database, redis.url, fanout)
        traced = compare_traced(Path(folder), redis.url, given.traced_rows)
    bench_report.ratios({"vs_pg_recvlogical": ratio, "tracing_1pct_vs_none": traced})
    return 0


def compare(backlog: WalBacklog, rows: int) -> float:
    """The median of fanout ÷ pg_recvlogical, read in turn; which one is first changes with each round."""
    ours: list[Reading] = []
    theirs: list[Reading] = []
    for number in range(ROUNDS):
        if number % 2:
            theirs.append(backlog.read_by_recvlogical())
        ours.append(backlog.read_by_fanout())
        if not number % 2:
            theirs.append(backlog.read_by_recvlogical())
    table = [
        (name, rows / statistics.median(each.elapsed_s for each in readings), _cpu_us(readings, rows))
        for name, readings in (("fanout", ours), ("pg_recvlogical", theirs))
    ]
    bench_report.table((f"{rows:,} votes in commits of {ROWS_A_COMMIT}", "rows/s", "CPU µs a row"), table)
    return bench_report.median_ratio([each.elapsed_s for each in theirs], [each.elapsed_s for each in ours])


def compare_traced(folder: Path, redis_url: str, rows: int) -> float:
    """The median of reading with traces ÷ reading without, each of its own server, in turn."""
    untraced: list[Reading] = []
    traced: list[Reading] = []
    with (
        otlp_receiver() as receiver,
        migrated_database(folder / "untraced") as one,
        migrated_database(folder / "traced") as other,
    ):
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
        without = _backlog(one, redis_url, rows, 0, {})
        within = _backlog(other, redis_url, rows, ROWS_A_COMMIT // 100, settings)
        for number in range(ROUNDS):
            for readings, backlog in [(untraced, without), (traced, within)][:: 1 if number % 2 else -1]:
                readings.append(backlog.read_by_fanout())
        assert receiver.store.trace_ids(), "no span has come"
    table = [
        (name, rows / statistics.median(each.elapsed_s for each in readings), _cpu_us(readings, rows))
        for name, readings in (("without traces", untraced), ("1 % traced", traced))
    ]
    bench_report.table((f"{rows:,} votes in commits of {ROWS_A_COMMIT}", "rows/s", "CPU µs a row"), table)
    return bench_report.median_ratio([each.elapsed_s for each in untraced], [each.elapsed_s for each in traced])


def _backlog(database: Database, redis_url: str, rows: int, traced: int, settings: Mapping[str, str]) -> WalBacklog:
    fanout = FanoutProcess(database.url("vote_fanout"), redis_url, **settings)
    backlog = WalBacklog(database, redis_url, fanout, new_event(database).event_no)
    backlog.grow(rows, ROWS_A_COMMIT, traced)
    return backlog


def _cpu_us(readings: Sequence[Reading], rows: int) -> str:
    return f"{1e6 * statistics.median(each.cpu_s for each in readings) / rows:.2f}"


def watch_memory(backlog: WalBacklog, rows: int, memory_rows: int) -> None:
    """Resident memory of fanout while it reads far more than it may hold."""
    backlog.grow(memory_rows - rows, ROWS_A_COMMIT)
    with backlog.fanout_at_start() as process:
        with MemoryWatch([process.pid], SAMPLE_S) as long:
            backlog.wait_until_counted()
        with MemoryWatch([process.pid], SAMPLE_S) as large:
            backlog.grow(TRANSACTION_ROWS, TRANSACTION_ROWS)
            backlog.wait_until_counted()
    bench_report.table(
        ("resident memory of fanout, MB", "after a quarter", "most", "end"),
        [
            (name, watch.megabytes[len(watch.megabytes) // 4], max(watch.megabytes), watch.megabytes[-1])
            for name, watch in (
                (f"a backlog of {memory_rows:,} votes", long),
                (f"one transaction of {TRANSACTION_ROWS:,} votes", large),
            )
        ],
    )


def measure_latency(database: Database, redis_url: str) -> None:
    """From the return of a commit to the arrival of the total that contains it."""
    best = cast_rate(database, new_event(database), BATCH, BEST_RATE_S)
    event = new_event(database)
    with Screen(redis_url).watching() as screen:
        committed = asyncio.run(_cast_steadily(database.url(), event, best / 2))
        totals = list(itertools.accumulate(BATCH for _ in committed))
        eventually(lambda: bool(screen.seen) and _total(screen.seen[-1]) >= totals[-1], "all of them are shown")
    seen = [screen.arrivals[bisect.bisect_left(screen.seen, total, key=_total)] for total in totals]
    latencies = [at - since for at, since in zip(seen, committed, strict=True)]
    percentiles = [percentile_ms(latencies, percent) for percent in (50, 95, 99)]
    bench_report.table(
        ("commit → Redis, at half the best ingest rate", "rows/s", "p50 ms", "p95 ms", "p99 ms"),
        [(f"{len(committed)} batches of {BATCH}", best / 2, *percentiles)],
    )


def _total(tally: SourceTally) -> int:
    return sum(tally.counts.values())


async def _cast_steadily(url: str, event: Event, rate: float) -> list[float]:
    """Batches that are due at a fixed rate; when each commit returned, in that order."""
    batches = iter([columns_of(BATCH) for _ in range(int(rate * LATENCY_S / BATCH))])
    start, numbers = time.monotonic() + 0.5, itertools.count()
    committed: list[float] = []

    async def work(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        for columns in batches:
            due = start + next(numbers) * BATCH / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await cast(connection, event, columns)
            committed.append(time.monotonic())

    connections = [await asyncpg.connect(url) for _ in range(CONNECTIONS)]
    await asyncio.gather(*(work(connection) for connection in connections))
    for connection in connections:
        await connection.close()
    return committed


def measure_takeover(database: Database, redis_url: str, first: FanoutProcess) -> None:
    """From the signal to the first until the second has published."""
    rows = []
    for number in (signal.SIGKILL, signal.SIGSTOP):
        second = FanoutProcess(database.url("vote_fanout"), redis_url)
        with second.running(ready=False):
            eventually(lambda it=second: "waiting" in it.get("/ready")[1], "the second waits")  # type: ignore[misc]  # no lambda's default
            began = time.monotonic()
            first.send_signal(number)
            eventually(second.is_ready, "the second leads", every_s=0.005)
            rows.append((f"after {number.name}", time.monotonic() - began))
        if number is signal.SIGKILL:
            first.wait()
            first.start()
            eventually(first.is_ready, "the first leads again")
    bench_report.table(("takeover by the second fanout", "seconds"), rows)
