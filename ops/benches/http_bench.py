"""What a durable vote costs beside HTTP and the token: one command worker against its twin that doesn't write, and
against the obvious stack, alternating in one run; then the latency of acks at several rates, and what the edge adds:
CPU of Caddy beside command's, and of nginx in its place where that is installed; and what being observed costs.

Load, servers and Postgres share this machine's cores, so only the ratios travel.
"""

import contextlib
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import psycopg

from ops.benches import bench_report, edge_cost, observed_commands
from ops.benches.nginx_edge import nginx_edge, nginx_program
from ops.embedded import ports
from ops.load.http_load import Load, LoadResult
from ops.load.vote_requests import SUBMIT, vote_requests
from ops.rig.database import Database
from ops.rig.edge import RunningEdge, edge
from ops.rig.event import make_event
from ops.rig.people import TokenMint, Voter
from ops.rig.postgres import migrated_database
from ops.rig.server_process import ServerProcess
from ops.rig.service import Service, command_process
from ops.rig.valkey import valkey

VOTERS = 8_000
ROUNDS = 3
SECONDS = 4.0
WARM_UP_S = 1.0
CONNECTIONS = 128
VOTES_A_SECOND_MAX = 12_000
NO_WRITE = "/no-write"
TWIN = ("-m", "ops.benches.command_twin")


@dataclass(frozen=True)
class Bench:
    """What all measurements share."""

    database: Database
    voters: Sequence[Voter]
    seconds: float
    votes_a_second_max: int = VOTES_A_SECOND_MAX  # for so many people, events are opened beforehand

    def measure(self, path: str, at: Sequence[int], rate: float | None = None) -> LoadResult:
        """Votes of people who haven't voted yet, through one or several ports."""
        return self.warm(path, at, rate).run()

    def warm(self, path: str, at: Sequence[int], rate: float | None = None) -> Load:
        """The same, warmed up and still to be run."""
        with psycopg.connect(self.database.url(), autocommit=True) as connection:
            events = 1 + int(self.votes_a_second_max * (WARM_UP_S + self.seconds) / len(self.voters))
            opened = [make_event(connection, contestants=5, expected_votes=10_000_000) for _ in range(events)]
        prepared = iter(list(chain.from_iterable(vote_requests(event, self.voters, path) for event in opened)))
        self.database.settle()
        Load(at, prepared, CONNECTIONS, WARM_UP_S, rate).run()
        return Load(at, prepared, CONNECTIONS, self.seconds, rate)


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


@contextlib.contextmanager
def edges_before(folder: Path, command_port: int) -> Iterator[dict[str, RunningEdge]]:
    """Run each edge that this machine has, by its program's name; says so when nginx isn't installed."""
    with contextlib.ExitStack() as stack:
        edges = {"caddy": stack.enter_context(edge(folder, {"command": command_port}))}
        if program := nginx_program():
            edges["nginx"] = stack.enter_context(nginx_edge(program, folder / "nginx", command_port))
        else:
            print("nginx isn't installed here (Debian: nginx): Caddy stands alone", flush=True)
        yield edges


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
            edges_before(folder, one.port) as edges,
        ):
            measured = _measure(bench, one, other.port, obvious, edges)
        long = Bench(database, bench.voters, observed_commands.SECONDS, 5_000)
        observed = observed_commands.ratios(folder, database, mint, lambda port: long.warm(SUBMIT, [port]))
        bench_report.ratios(measured | observed)
    return 0


def _measure(
    bench: Bench, command: Service, other: int, obvious: int, edges: Mapping[str, RunningEdge]
) -> dict[str, float]:
    one = command.port
    durable, no_write, plain = [], [], []
    for _ in range(ROUNDS):
        durable.append(bench.measure(SUBMIT, [one]))
        no_write.append(bench.measure(NO_WRITE, [one]))
        plain.append(bench.measure(SUBMIT, [obvious]))
    best = statistics.median(result.acked_a_second for result in durable)
    costs = edge_cost.measure(edges, command, lambda port: bench.warm(SUBMIT, [port], best / 2))
    rows = [
        latency_row("durable, best rate", durable[-1]),
        latency_row("twin without the write", no_write[-1]),
        latency_row("the obvious stack", plain[-1]),
        *(
            latency_row(f"durable at {share} %", bench.measure(SUBMIT, [one], best * share / 100))
            for share in (30, 70, 100)
        ),
        *(latency_row(f"through {name} at 50 %", cost.results[-1]) for name, cost in costs.items()),
        latency_row("two workers, best rate", two := bench.measure(SUBMIT, [one, other])),
    ]
    bench_report.table(("one command worker", "acked/s", "p50 ms", "p95 ms", "p99 ms"), rows)
    rates = [[result.acked_a_second for result in results] for results in (durable, no_write, plain)]
    return {
        "vs_no_write": bench_report.median_ratio(rates[0], rates[1]),
        "vs_obvious_stack": bench_report.median_ratio(rates[0], rates[2]),
        "two_workers_vs_one": two.acked_a_second / best,
        "edge_p95_ms": costs["caddy"].results[-1].percentile_ms(95),
        **edge_cost.ratios(costs),
    }
