"""Whether the ledger stays fast as an event grows: the batch rate at the end ÷ at the start.

What is lost is in the last column: keys are random, so a batch dirties as many pages of the index as it has votes,
and the first change of a page after each of Postgres' checkpoints puts the whole page into the WAL. Checkpoints come
as they do in a live event, by max_wal_size; nothing is settled between the measurements.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psycopg

from ops.benches import bench_report
from ops.benches.ledger_bench import BATCH, cast_rate, new_event
from ops.rig.database import Database
from ops.rig.event import Event
from ops.rig.postgres import migrated_database

STEPS = 10
SECONDS = 6.0


def main(arguments: Sequence[str]) -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(prog="./ops/bench growth")
    parser.add_argument("--rows", type=int, default=20_000_000, help="how far the event grows")
    rows_max = parser.parse_args(arguments).rows
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        migrated_database(Path(folder) / "postgres") as database,
    ):
        bench_report.conditions(postgres=database.version(), batch=BATCH, seconds=SECONDS)
        event = new_event(database)
        measured = [measure(database, event)]
        for step in range(1, STEPS + 1):
            fill(database, event.event_no, rows_max * step // STEPS)
            measured.append(measure(database, event))
    bench_report.table(("rows in the event", "rows a second", "heap MB", "index MB", "WAL bytes a row"), measured)
    bench_report.ratios({"end_vs_start": float(str(measured[-1][1])) / float(str(measured[0][1]))})
    return 0


def measure(database: Database, event: Event) -> tuple[object, ...]:
    """The batch rate now, with the sizes that explain it."""
    query = """
        SELECT (SELECT count(*) FROM votes WHERE event_no = %(event_no)s),
               sum(pg_table_size(relid)) / 2^20, sum(pg_indexes_size(relid)) / 2^20, pg_current_wal_lsn() - '0/0'
        FROM pg_partition_tree('votes_e' || %(event_no)s)
    """
    with psycopg.connect(database.url(), autocommit=True) as connection:
        before = connection.execute(query, {"event_no": event.event_no}).fetchone()
        rate = cast_rate(database, event, BATCH, SECONDS, settled=False)
        after = connection.execute(query, {"event_no": event.event_no}).fetchone()
    assert before
    assert after
    return before[0], rate, float(before[1]), float(before[2]), float(after[3] - before[3]) / (after[0] - before[0])


def fill(database: Database, event_no: int, rows: int) -> None:
    """Let the event grow to so many rows, by plain SQL."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        found = connection.execute("SELECT count(*) FROM votes WHERE event_no = %s", [event_no]).fetchone()
        missing = rows - found[0] if found else 0
        connection.execute(
            """
            INSERT INTO votes (voted_at, device, event_no, contestant_no, region, voter, seal)
            SELECT clock_timestamp(), hashtextextended(uuid, 1), %(event_no)s, 1 + number %% 5, 'DE',
                   substr(uuid_send(uuid::uuid), 5, 12), uuid_send(uuid::uuid)
            FROM (SELECT number, gen_random_uuid()::text AS uuid FROM generate_series(1, %(rows)s) AS number) AS random
            """,
            {"event_no": event_no, "rows": max(missing, 0)},
        )
