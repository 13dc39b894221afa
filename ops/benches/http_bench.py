"""What a durable vote costs beside HTTP and the token: one command worker against its twin that doesn't write, and
against the obvious stack, alternating in one run; then the latency of acks at several rates, and through the edge.

Load, servers and Postgres share this machine's cores, so only the ratios travel.
"""

import contextlib
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import psycopg

from ops.benches import bench_report
from ops.embedded import ports
from ops.load.http_load import Load, LoadResult
from ops.load.vote_requests import SUBMIT, vote_requests
from ops.rig.database import Database
from ops.rig.edge import edge
from ops.rig.event import make_event
from ops.rig.people import TokenMint, Voter
from ops.rig.postgres import migrated_database
from ops.rig.server_process import ServerProcess
from ops.rig.service import command_process
from ops.rig.valkey import valkey

VOTERS = 8_000
ROUNDS = 3
SECONDS = 4.0
WARM_UP_S = 1.0
CONNECTIONS = 128
VOTES_A_SECOND_MAX = 12_000  # how many events are opened beforehand
NO_WRITE = "/no-write"
TWIN = ("-m", "ops.benches.command_twin")


@dataclass(frozen=True)
class Bench:
    """What all measurements share."""

    database: Database
    voters: Sequence[Voter]
    seconds: float

    def measure(self, path: str, at: Sequence[int], rate: float | None = None) -> LoadResult:
        """Votes of people who haven't voted yet, through one or several ports."""
        with psycopg.connect(self.database.url(), autocommit=True) as connection:
            events = 1 + int(VOTES_A_SECOND_MAX * (WARM_UP_S + self.seconds) / len(self.voters))
            opened = [make_event(connection, contestants=5, expected_votes=10_000_000) for _ in range(events)]
        prepared = iter(list(chain.from_iterable(vote_requests(event, self.voters, path) for event in opened)))
        self.database.settle()
        Load(at, prepared, CONNECTIONS, WARM_UP_S, rate).run()
        return Load(at, prepared, CONNECTIONS, self.seconds, rate).run()


@contextlib.contextmanager
def obvious_stack(folder: Path, database: Database, mint: TokenMint) -> Iterator[int]:
    """Run it, with a Valkey of its own; gives its port."""
    port = ports.choose(["obvious"], {})["obvious"]
    words = [sys.executable, "-m", "ops.benches.obvious_stack"]
    with valkey(folder / "valkey") as redis:
        environment = {
            **os.environ,
            "DATABASE_URL": database.url(),
            "REDIS_URL": redis.url,
            "JWKS": mint.jwks.read_text(),
            "PORT": str(port),
        }
        with ServerProcess(lambda: words, "startup complete", environment).running():
            yield port


def latency_row(name: str, result: LoadResult) -> tuple[object, ...]:
    """A line of the table; fails when a vote was refused or lost."""
    assert set(result.statuses) == {200}, result.statuses
    assert not result.lost
    return (name, result.acked_a_second, *(result.percentile_ms(percent) for percent in (50, 95, 99)))


def main(_arguments: Sequence[str]) -> int:
    """Run the bench."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, migrated_database(Path(name) / "postgres") as database:
        folder = Path(name)
        mint = TokenMint(folder)
        bench = Bench(database, [mint.voter() for _ in range(VOTERS)], SECONDS)
        bench_report.conditions(postgres=database.version(), rounds=ROUNDS, seconds=SECONDS, connections=CONNECTIONS)
        with (
            command_process(folder, database.url("vote_command"), mint, program=TWIN) as one,
            command_process(folder, database.url("vote_command"), mint) as other,
            obvious_stack(folder, database, mint) as obvious,
            edge(folder, {"command": one.port}) as front,
        ):
            return _measure(bench, one.port, other.port, obvious, front.port)


def _measure(bench: Bench, one: int, other: int, obvious: int, front: int) -> int:
    durable, no_write, plain = [], [], []
    for _ in range(ROUNDS):
        durable.append(bench.measure(SUBMIT, [one]))
        no_write.append(bench.measure(NO_WRITE, [one]))
        plain.append(bench.measure(SUBMIT, [obvious]))
    best = statistics.median(result.acked_a_second for result in durable)
    rows = [
        latency_row("durable, best rate", durable[-1]),
        latency_row("twin without the write", no_write[-1]),
        latency_row("the obvious stack", plain[-1]),
        *(
            latency_row(f"durable at {share} %", bench.measure(SUBMIT, [one], best * share / 100))
            for share in (30, 70, 100)
        ),
        latency_row("through the edge at 50 %", through_edge := bench.measure(SUBMIT, [front], best / 2)),
        latency_row("two workers, best rate", two := bench.measure(SUBMIT, [one, other])),
    ]
    bench_report.table(("one command worker", "acked/s", "p50 ms", "p95 ms", "p99 ms"), rows)
    rates = [[result.acked_a_second for result in results] for results in (durable, no_write, plain)]
    bench_report.ratios(
        {
            "vs_no_write": bench_report.median_ratio(rates[0], rates[1]),
            "vs_obvious_stack": bench_report.median_ratio(rates[0], rates[2]),
            "two_workers_vs_one": two.acked_a_second / best,
            "edge_p95_ms": through_edge.percentile_ms(95),
        }
    )
    return 0
