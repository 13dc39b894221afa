"""What an audit takes: seconds for each million votes on one core and on two, and memory, which must not grow.

The command line audits a clean event of a fifth of the votes and one of all of them, each with true seals, closed and
counted. "One core" holds all of it: the audit and the Postgres that it asks. Any finding fails the bench.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
import psycopg

from ops.benches import bench_report
from ops.benches.sealed_fill import CONTESTANTS, fill_sealed
from ops.rig.database import Database
from ops.rig.event import Event, change_status, make_event
from ops.rig.people import RECEIPT_KEY, SEAL_KEY
from ops.rig.postgres import migrated_database

_COUNT = "INSERT INTO tallies SELECT event_no, contestant_no, count(*) FROM votes WHERE event_no = %s GROUP BY 1, 2"
_STORED = "INSERT INTO fanout_checkpoint VALUES ('main', 1, 7, 1, '0/1000', now() + interval '1 minute')"


class Audited(NamedTuple):
    """One run of the command line; `megabytes`: the most that its largest process held."""

    seconds: float
    megabytes: float
    rows: int
    findings: int


def main(arguments: Sequence[str]) -> int:
    """Run the bench; exit code 1 on any finding."""
    parser = argparse.ArgumentParser(prog="./ops/bench audit")
    parser.add_argument("--votes", type=int, default=5_000_000, help="of the larger event")
    votes = parser.parse_args(arguments).votes
    cores = sorted(os.sched_getaffinity(0))
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        migrated_database(Path(folder) / "postgres") as database,
    ):
        bench_report.conditions(postgres=database.version(), votes=votes)
        few, many = (_closed_event(database, number) for number in (votes // 5, votes))
        database.settle()
        runs = [(event, used) for event, used in ((few, 1), (many, 1), (many, 2)) if used <= len(cores)]
        audited = [_audit(Path(folder), database, event, cores[:used]) for event, used in runs]
        _use(database, cores)
    rows = [
        (f"{run.rows:,} votes", used, run.seconds, 1e6 * run.seconds / run.rows, run.megabytes, run.findings)
        for (_, used), run in zip(runs, audited, strict=True)
    ]
    bench_report.table(("audit of", "cores", "seconds", "seconds a million", "MB, largest process", "findings"), rows)
    ratios = {"memory_of_all_vs_a_fifth": audited[1].megabytes / audited[0].megabytes}
    if len(audited) > 2:
        ratios["seconds_of_two_cores_vs_one"] = audited[2].seconds / audited[1].seconds
    bench_report.ratios(ratios)
    return 1 if any(run.findings for run in audited) else 0


def _closed_event(database: Database, votes: int) -> Event:
    """An event that is over and counted."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        event = make_event(connection, contestants=CONTESTANTS, expected_votes=10_000_000)
        fill_sealed(database.url(), event, votes)
        change_status(connection, event.event_id, "close")
        connection.execute(_COUNT, [event.event_no])
        connection.execute("DELETE FROM fanout_checkpoint")
        connection.execute(_STORED)
    return event


def _use(database: Database, cores: Sequence[int]) -> None:
    """Let what is started from here on, and each backend that Postgres starts, run on these cores alone."""
    os.sched_setaffinity(0, cores)
    with psycopg.connect(database.url()) as connection:
        os.sched_setaffinity(psutil.Process(connection.info.backend_pid).ppid(), cores)


def _audit(folder: Path, database: Database, event: Event, cores: Sequence[int]) -> Audited:
    _use(database, cores)
    environment = {**os.environ, "DATABASE_URL": database.url("vote_auditor")}
    for name, key in (("SEAL_KEYS_FILE", SEAL_KEY), ("RECEIPT_KEYS_FILE", RECEIPT_KEY)):
        (folder / name).write_text(json.dumps({"1": key.hex()}))
        environment[name] = str(folder / name)
    words = [sys.executable, "-m", "ops.auditor", event.event_id, "--jobs", str(len(cores)), "--json"]
    with (folder / "report.json").open("w+b") as report:
        start = time.perf_counter()
        process = subprocess.Popen(words, env=environment, stdout=report)
        _, status, usage = os.wait4(process.pid, 0)  # of it and of the processes that it has waited for
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        report.seek(0)
        said = json.loads(report.read())
    return Audited(seconds, usage.ru_maxrss / 1024, said["rows"], sum(check["total"] for check in said["checks"]))
