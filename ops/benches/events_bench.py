"""Whether many events slow one: a batch among 2,000 events of 16 partitions each ÷ a batch among one; and their locks.

A look-up planned for all events, or a join on the parent, would lock every partition of every event: slow, then "out of
shared memory". So this also fails when a batch holds more locks than its own event needs.
Making an event takes longer the more are there (partitions/README.md says why), so it is measured too, and what it does
to another event's votes: batches go on while small events are made, one after the other.
Then fanout's recount, an audit of all that is on air and a start among as many; the start among 20,000 is
reckoned from that.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from ops.benches import bench_report
from ops.benches.ledger_bench import BATCH, Columns, columns_of
from ops.load.latency import percentile_ms
from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.postgres import migrated_database
from ops.rig.valkey import valkey

BATCHES = 60
CREATIONS = 50
MANY = 20_000
CAST = """SELECT count(*) FROM cast_votes(%s, %s, %s::bytea[], %s::smallint[], %s::bigint[], %s::text[], %s::bytea[],
    %s::smallint[])"""
# votes, the event's tables and indexes (two levels and 16 leaves), rejections, the event's own rows, some catalogs.
LOCKS_MAX = 100


def measured(database: Database, event: Event) -> dict[str, float]:
    """Milliseconds by what took them: batches of new votes, each of them again, and events made beside more batches."""
    new: list[float] = []
    again: list[float] = []
    beside: list[float] = []
    made: list[float] = []
    with psycopg.connect(database.url(), autocommit=True) as connection:
        for _ in range(BATCHES):
            columns = columns_of(BATCH)
            new.append(cast_s(connection, event, columns))
            again.append(cast_s(connection, event, columns))
        making = threading.Thread(target=make_events, args=(database, made))
        making.start()
        while making.is_alive():
            beside.append(cast_s(connection, event, columns_of(BATCH)))
    return {
        "a batch of new votes": percentile_ms(new, 50),
        "p99 of these": percentile_ms(new, 99),
        "the same votes again": percentile_ms(again, 50),
        "new votes beside creations": percentile_ms(beside, 50),
        "p99 of those": percentile_ms(beside, 99),
        "a creation beside votes": percentile_ms(made, 50),
    }


def cast_s(connection: psycopg.Connection, event: Event, columns: Columns) -> float:
    """Seconds of one batch."""
    start = time.perf_counter()
    connection.execute(CAST, [event.event_no, datetime.now(UTC), *columns], binary=True)
    return time.perf_counter() - start


def make_events(database: Database, seconds: list[float]) -> None:
    """Make small drafts, and note how long each took."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        for _ in range(CREATIONS):
            start = time.perf_counter()
            make_event(connection, "draft", expected_votes=1)
            seconds.append(time.perf_counter() - start)


def locks_of(connection: psycopg.Connection, event: Event) -> int:
    """How many locks a batch holds that has to look every vote up."""
    with connection.transaction():
        columns = columns_of(BATCH)
        for _ in range(2):
            connection.execute(CAST, [event.event_no, datetime.now(UTC), *columns], binary=True)
        row = connection.execute("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0


def fanout_s(database: Database, redis_url: str) -> tuple[float, float, float]:
    """Seconds of fanout's first start (a recount), of an audit beside it, and of a start from the checkpoint."""
    fanout = FanoutProcess(database.url("vote_fanout"), redis_url, IDLE_CHECKPOINT_MS="300")
    start = time.perf_counter()
    with fanout.running(), psycopg.connect(database.url(), autocommit=True) as connection:
        recount = time.perf_counter() - start
        stored = "SELECT digest IS NOT NULL FROM fanout_checkpoint"
        eventually(lambda: connection.execute(stored).fetchone() == (True,), "the recount is stored")
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "ops.auditor", "--live"], env=fanout.auditing, check=True)
        audit = time.perf_counter() - start
    start = time.perf_counter()
    with fanout.running():
        return recount, audit, time.perf_counter() - start


def report_fanout(database: Database, folder: Path, events: int) -> None:
    """Print what fanout takes with one process' own start in it, and what that makes an event."""
    with valkey(folder) as redis:
        recount, audit, start = fanout_s(database, redis.url)
    rows = [("recount", recount), ("audit of all that is on air", audit), ("start from the checkpoint", start)]
    each = [(name, seconds, 1000 * seconds / events) for name, seconds in rows]
    bench_report.table((f"fanout among {events} events", "seconds", "ms an event"), each)
    print(f"On paper a start among {MANY:,} events takes at most {start / events * MANY:.1f} s.")


def main(arguments: Sequence[str]) -> int:
    """Run the bench; exit code 1 when a batch locks more than its own event."""
    parser = argparse.ArgumentParser(prog="./ops/bench events")
    parser.add_argument("--events", type=int, default=2_000)
    wanted = parser.parse_args(arguments).events
    with tempfile.TemporaryDirectory(prefix="bench-") as name, migrated_database(Path(name) / "postgres") as database:
        bench_report.conditions(postgres=database.version(), batch=BATCH, batches=BATCHES, creations=CREATIONS)
        with psycopg.connect(database.url(), autocommit=True) as connection:
            last = make_event(connection, contestants=5, expected_votes=10_000_000)
            alone = measured(database, last)
            for _ in range(wanted - 1):
                last = make_event(connection, contestants=5, expected_votes=10_000_000)
            database.settle()
            among = measured(database, last)
            locks = locks_of(connection, last)
        report_fanout(database, Path(name) / "valkey", wanted)
    rows = [(name, alone[name], among[name], among[name] / alone[name]) for name in alone]
    bench_report.table(("milliseconds, median", "one event", f"{wanted} events", "ratio"), rows)
    print(f"A batch holds {locks} locks.")
    bench_report.ratios({name.replace(" ", "_"): ratio for name, *_, ratio in rows})
    return 1 if locks > LOCKS_MAX else 0
