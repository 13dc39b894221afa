"""Whether the DBA's scripts let other events vote: an ack's p99 during each script ÷ before, as an event's life goes.

Two writers cast batches of votes for one event without a pause, while the scripts are run on another one that has
closed. Scripts and writers share this machine's cores and disk, so a ratio above one is first of all that; a lock that
votes wait for would show as a worst ack as long as the script.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import psycopg

from ops.benches import bench_report
from ops.benches.growth_bench import fill
from ops.benches.ledger_bench import CONNECTIONS, cast, columns_of, new_event
from ops.rig.database import Database
from ops.rig.dba_scripts import run_script
from ops.rig.event import Event, change_status
from ops.rig.postgres import migrated_database

BATCH = 50
ALONE_S = 5.0
_COUNT = "INSERT INTO tallies SELECT event_no, contestant_no, count(*) FROM votes WHERE event_no = %s GROUP BY 1, 2"
LIFE = (
    "001_create_ahead", "003_tune", "004_rehash", "010_sizes", "012_freeze_closed", "002_check", "015_archive",
    "020_detach_event", "030_attach_event", "040_drop_evidence", "020_detach_event", "050_drop_event", "060_restore",
)  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(prog="./ops/bench partitions")
    parser.add_argument("--rows", type=int, default=2_000_000, help="votes of the event that the scripts are run on")
    rows = parser.parse_args(arguments).rows
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        migrated_database(Path(folder) / "postgres") as database,
    ):
        bench_report.conditions(postgres=database.version(), batch=BATCH, writers=CONNECTIONS, rows=rows)
        live, over = new_event(database), new_event(database)
        fill(database, over.event_no, rows)
        with psycopg.connect(database.url(), autocommit=True) as connection:
            connection.execute(_COUNT, [over.event_no])
            change_status(connection, over.event_id, "close")
        database.settle()
        variables = {"event_no": over.event_no, "modulus": 32, "keep_days": 0, "folder": Path(folder) / "archive"}
        measured = asyncio.run(_measure(database, live, variables))
    before = _p99(measured[0][1])
    table = [
        (name, seconds, len(acks), statistics.median(acks), _p99(acks), max(acks), _p99(acks) / before)
        for name, acks, seconds in measured
    ]
    bench_report.table(("during", "seconds", "acks", "p50 ms", "p99 ms", "worst ms", "p99 / before"), table)
    bench_report.ratios({"worst_p99_vs_before": max(float(row[-1]) for row in table[1:])})
    return 0


async def _measure(
    database: Database, live: Event, variables: dict[str, object]
) -> list[tuple[str, list[float], float]]:
    """Of each script the acks in milliseconds that came while it ran, and its seconds; first of none."""
    acks: list[float] = []
    connections = [await asyncpg.connect(database.url()) for _ in range(CONNECTIONS)]
    writers = [asyncio.create_task(_write(connection, live, acks)) for connection in connections]
    measured = []
    for name in ("nothing", *LIFE):
        first, start = len(acks), time.perf_counter()
        if name == "nothing":
            await asyncio.sleep(ALONE_S)
        else:
            await asyncio.to_thread(run_script, database, f"{name}.sql", **variables)
            await asyncio.sleep(0.1)  # for what was sent while it ran
        measured.append((name, acks[first:], time.perf_counter() - start))
    for writer in writers:
        writer.cancel()
    await asyncio.gather(*writers, return_exceptions=True)
    for connection in connections:
        connection.terminate()
    return measured


async def _write(connection: "asyncpg.Connection[asyncpg.Record]", event: Event, acks: list[float]) -> None:
    while True:
        columns, start = columns_of(BATCH), time.perf_counter()
        await cast(connection, event, columns)
        acks.append(1000 * (time.perf_counter() - start))


def _p99(acks: Sequence[float]) -> float:
    return sorted(acks)[int(0.99 * (len(acks) - 1))]
