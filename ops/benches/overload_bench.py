"""Twice the best rate, for minutes, through the edge: what is answered, what memory it takes, what the ledger holds.

Pass: every answer is 200, 429 or 503; every 200 is in the ledger; the memory of edge and command doesn't grow.
"""

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from itertools import chain, cycle
from pathlib import Path

import psycopg

from ops.benches import bench_report
from ops.benches.memory_watch import MemoryWatch
from ops.load.http_load import Load
from ops.load.vote_requests import vote_requests
from ops.rig.database import Database
from ops.rig.edge import edge
from ops.rig.event import Event, make_event
from ops.rig.oracle import voters_in_ledger
from ops.rig.people import TokenMint, Voter
from ops.rig.postgres import migrated_database
from ops.rig.service import command_process

VOTERS = 8_000
EVENTS = 60
CONNECTIONS = 3_000  # three times what the edge lets through at once
FIND_BEST_S = 5.0


def main(arguments: Sequence[str]) -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(prog="./ops/bench overload")
    parser.add_argument("--seconds", type=float, default=300.0)
    seconds = parser.parse_args(arguments).seconds
    with tempfile.TemporaryDirectory(prefix="bench-") as name, migrated_database(Path(name) / "postgres") as database:
        folder, mint = Path(name), TokenMint(Path(name))
        voters = [mint.voter() for _ in range(VOTERS)]
        with psycopg.connect(database.url(), autocommit=True) as connection:
            events = [make_event(connection, contestants=5, expected_votes=VOTERS) for _ in range(EVENTS)]
        requests = cycle(list(chain.from_iterable(vote_requests(event, voters) for event in events)))
        with (
            command_process(folder, database.url("vote_command"), mint) as command,
            edge(folder, {"command": command.port}) as front,
            MemoryWatch([command.process.pid, front.pid]) as memory,
        ):
            best = Load([front.port], requests, 128, FIND_BEST_S).run()
            bench_report.conditions(postgres=database.version(), best_rate=round(best.acked_a_second), seconds=seconds)
            found = Load([front.port], requests, CONNECTIONS, seconds, 2 * best.acked_a_second).run()
        acked = [*best.acked, *(best.sent + index for index in found.acked)]
        missing = missing_votes(database, events, voters, acked)
    bench_report.table(
        ("what", "number"),
        [
            ("due requests a second", 2 * best.acked_a_second),
            ("sent", found.sent),
            *((f"answered {status}", count) for status, count in sorted(found.statuses.items())),
            ("connections lost", found.lost),
            ("acked a second", found.acked_a_second),
            ("acked and not in the ledger", missing),
            ("memory, MB, median", statistics.median(memory.megabytes)),
            ("memory, MB, most", max(memory.megabytes)),
        ],
    )
    bench_report.ratios({"memory_growth": memory.growth, "acked_vs_best": found.acked_a_second / best.acked_a_second})
    return 1 if missing or set(found.statuses) - {200, 429, 503} else 0


def missing_votes(database: Database, events: Sequence[Event], voters: Sequence[Voter], acked: Sequence[int]) -> int:
    """How many of the acked requests (by their index in the cycle) have no row."""
    by_event: dict[int, set[bytes]] = {}
    for number, voter in {divmod(index % (len(events) * len(voters)), len(voters)) for index in acked}:
        by_event.setdefault(number, set()).add(voters[voter].pseudonym(events[number].event_no))
    return sum(len(wanted - voters_in_ledger(database, events[number])) for number, wanted in by_event.items())
