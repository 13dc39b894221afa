"""Whether many events slow one: a batch among 2,000 events of 16 partitions each ÷ a batch among one; and their locks.

A look-up planned for all events, or a join on the parent, would lock every partition of every event: slow, then "out of
shared memory". So this also fails when a batch holds more locks than its own event needs.
Then fanout's recount, verify and start among as many; the start among 20,000 is reckoned from that.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from ops.benches import bench_report
from ops.benches.ledger_bench import BATCH, columns_of
from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.postgres import migrated_database
from ops.rig.valkey import valkey

BATCHES = 60
MANY = 20_000
CAST = """SELECT count(*) FROM cast_votes(%s, %s, %s::bytea[], %s::smallint[], %s::bigint[], %s::text[], %s::bytea[],
    %s::smallint[])"""
# votes, the event's tables and indexes (two levels and 16 leaves), rejections, the event's own rows, some catalogs.
LOCKS_MAX = 100


def batch_ms(connection: psycopg.Connection, event: Event) -> tuple[float, float]:
    """Milliseconds of a batch of new votes and of the same batch again, medians."""
    new: list[float] = []
    again: list[float] = []
    for _ in range(BATCHES):
        columns = columns_of(BATCH)
        for times in (new, again):
            start = time.perf_counter()
            connection.execute(CAST, [event.event_no, datetime.now(UTC), *columns], binary=True)
            times.append(1000 * (time.perf_counter() - start))
    return statistics.median(new), statistics.median(again)


def locks_of(connection: psycopg.Connection, event: Event) -> int:
    """How many locks a batch holds that has to look every vote up."""
    with connection.transaction():
        columns = columns_of(BATCH)
        for _ in range(2):
            connection.execute(CAST, [event.event_no, datetime.now(UTC), *columns], binary=True)
        row = connection.execute("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0


def fanout_s(database: Database, redis_url: str) -> tuple[float, float, float]:
    """Seconds of fanout's first start (a recount), of a verify beside it, and of a start from the checkpoint."""
    fanout = FanoutProcess(database.url("vote_fanout"), redis_url, IDLE_CHECKPOINT_MS="300")
    start = time.perf_counter()
    with fanout.running(), psycopg.connect(database.url(), autocommit=True) as connection:
        recount = time.perf_counter() - start
        stored = "SELECT digest IS NOT NULL FROM fanout_checkpoint"
        eventually(lambda: connection.execute(stored).fetchone() == (True,), "the recount is stored")
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "fanout", "verify"], env=fanout.environment, check=True)
        verify = time.perf_counter() - start
    start = time.perf_counter()
    with fanout.running():
        return recount, verify, time.perf_counter() - start


def report_fanout(database: Database, folder: Path, events: int) -> None:
    """Print what fanout takes with one process' own start in it, and what that makes an event."""
    with valkey(folder) as redis:
        recount, verify, start = fanout_s(database, redis.url)
    rows = [("recount", recount), ("verify", verify), ("start from the checkpoint", start)]
    each = [(name, seconds, 1000 * seconds / events) for name, seconds in rows]
    bench_report.table((f"fanout among {events} events", "seconds", "ms an event"), each)
    print(f"On paper a start among {MANY:,} events takes at most {start / events * MANY:.1f} s.")


def main(arguments: Sequence[str]) -> int:
    """Run the bench; exit code 1 when a batch locks more than its own event."""
    parser = argparse.ArgumentParser(prog="./ops/bench events")
    parser.add_argument("--events", type=int, default=2_000)
    wanted = parser.parse_args(arguments).events
    with tempfile.TemporaryDirectory(prefix="bench-") as name, migrated_database(Path(name) / "postgres") as database:
        bench_report.conditions(postgres=database.version(), batch=BATCH, batches=BATCHES)
        with psycopg.connect(database.url(), autocommit=True) as connection:
            last = first = make_event(connection, contestants=5, expected_votes=10_000_000)
            alone = batch_ms(connection, first)
            start = time.perf_counter()
            for _ in range(wanted - 1):
                last = make_event(connection, contestants=5, expected_votes=10_000_000)
            create_ms = 1000 * (time.perf_counter() - start) / (wanted - 1)
        database.settle()
        with psycopg.connect(database.url(), autocommit=True) as connection:
            among = batch_ms(connection, last)
            locks = locks_of(connection, last)
        report_fanout(database, Path(name) / "valkey", wanted)
    bench_report.table(
        ("milliseconds, median", "one event", f"{wanted} events"),
        [
            (f"batch of {BATCH} new votes", alone[0], among[0]),
            (f"the same {BATCH} again", alone[1], among[1]),
            ("locks of a batch", "", locks),
            ("creating an event, mean", "", create_ms),
        ],
    )
    bench_report.ratios({"new_vs_one_event": among[0] / alone[0], "again_vs_one_event": among[1] / alone[1]})
    return 1 if locks > LOCKS_MAX else 0
