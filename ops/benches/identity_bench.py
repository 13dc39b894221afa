"""A storm of logins beside a steady vote: logins a second, what the storm does to the acks, and how fast a logout
reaches the other processes.

    quiet ─► votes at a steady rate ─► p99      flood ─► the same, while LOGIN_CONNECTIONS log in as fast as they can

Both in turns, on one machine with everything on it: identity, command, Postgres, the load and the flood.
"""

import json
import multiprocessing
import statistics
import tempfile
from collections.abc import Sequence
from itertools import chain, cycle
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event as EventType
from pathlib import Path

import psycopg

from ops.benches import bench_report
from ops.benches.logout_reach import logout_reach_ms
from ops.load.http_load import Load, LoadResult
from ops.load.vote_requests import vote_requests
from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.identity_process import identity_process
from ops.rig.people import TokenMint, Voter
from ops.rig.postgres import migrated_database
from ops.rig.service import command_process

VOTERS = 4_000
ROUNDS = 5
SECONDS = 4.0
VOTES_A_SECOND = 400.0
VOTE_CONNECTIONS = 64
LOGIN_CONNECTIONS = 100  # fewer than may wait, so that each gets its turn
PEOPLE = 20
NICENESS = "10"  # as it is unless it is set


def login_requests() -> list[bytes]:
    """One whole request for each of the people."""
    bodies = [json.dumps({"username": f"person {number}", "password": "correct horse"}) for number in range(PEOPLE)]
    return [
        (
            "POST /v1/auth/login HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"X-Forwarded-For: 192.0.2.{number}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
        for number, body in enumerate(bodies)
    ]


def flood(port: int, seconds: float, begun: "EventType", results: "Queue[LoadResult]") -> None:
    """Log in for so long, in a process of its own, whose start is over once it has `begun`."""
    load = Load([port], cycle(login_requests()), LOGIN_CONNECTIONS, seconds)
    begun.set()
    results.put(load.run())


def vote(database: Database, voters: Sequence[Voter], port: int) -> LoadResult:
    """Votes at the steady rate."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        event = make_event(connection, contestants=5, expected_votes=1_000_000)
    requests = vote_requests(event, voters)
    return Load([port], requests, VOTE_CONNECTIONS, SECONDS, VOTES_A_SECOND).run()


def vote_in_a_flood(database: Database, voters: Sequence[Voter], command: int, identity: int) -> list[LoadResult]:
    """The same while people log in; the votes' result and the logins'."""
    spawn = multiprocessing.get_context("spawn")
    results: Queue[LoadResult] = spawn.Queue()
    begun = spawn.Event()
    storm = spawn.Process(target=flood, args=(identity, SECONDS + 1, begun, results))
    storm.start()
    assert begun.wait(60)
    votes = vote(database, voters, command)
    logins = results.get(timeout=60)
    storm.join()
    return [votes, logins]


def main(_arguments: Sequence[str]) -> int:
    """Run the bench."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, migrated_database(Path(name) / "postgres") as database:
        folder, mint = Path(name), TokenMint(Path(name))
        voters = [mint.voter() for _ in range(VOTERS)]
        bench_report.conditions(postgres=database.version(), rounds=ROUNDS, votes_a_second=VOTES_A_SECOND)
        with (
            identity_process(folder, database.identity.url("vote_identity"), IDENTITY_NICENESS=NICENESS) as identity,
            command_process(folder, database.url("vote_command"), mint) as command,
        ):
            for number in range(PEOPLE):
                identity.operator("make-staff", f"person {number}", stdin="correct horse\n")
            vote(database, voters, command.port)  # warms up
            quiet, stormy, logins = [], [], []
            for _ in range(ROUNDS):
                quiet.append(vote(database, voters, command.port))
                votes, storm = vote_in_a_flood(database, voters, command.port, identity.port)
                stormy.append(votes)
                logins.append(storm)
            reached = logout_reach_ms(folder, database, mint, identity)
    for result in chain(quiet, stormy):
        assert set(result.statuses) == {200}, result.statuses
    rows = [
        (what, *(statistics.median(result.percentile_ms(percent) for result in results) for percent in (50, 95, 99)))
        for what, results in (("votes, quiet", quiet), ("votes, in the storm", stormy), ("logins", logins))
    ]
    bench_report.table(("median of the rounds", "p50 ms", "p95 ms", "p99 ms"), rows)
    bench_report.table(
        ("logout to refusal, ms", "p50", "max"),
        [(name, statistics.median(each), max(each)) for name, each in reached.items()],
    )
    p99 = [[result.percentile_ms(99) for result in results] for results in (stormy, quiet)]
    bench_report.ratios(
        {
            "logins_a_second": statistics.median(result.acked_a_second for result in logins),
            "login_p99_ms": statistics.median(result.percentile_ms(99) for result in logins),
            "ack_p99_in_the_storm_vs_quiet": bench_report.median_ratio(*p99),
            "logout_to_refusal_max_ms": max(max(each) for each in reached.values()),
        }
    )
    return 0
