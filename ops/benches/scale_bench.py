"""Whether a thousand small events and one of 20 million votes make anything slow.

Two of the same system run on one machine, one almost empty; the other one is filled, with its fanout counting all the
while. Then the same calls are made on both, in turn: so whatever else the machine does slows both alike, and the ratios
tell what the events and votes cost. At last, what the counting of the large event does to the acks of votes.
"""

import argparse
import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

import psutil
import psycopg
import redis

from ops.benches import bench_report
from ops.benches.call_times import CallTimes
from ops.benches.large_fill import fill_large, make_small
from ops.load.http_load import Load
from ops.load.latency import percentile_ms
from ops.load.vote_requests import vote_requests
from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.oracle import has_reached, tally_in_redis, wal_end
from ops.rig.people import TokenMint
from ops.rig.postgres import migrated_database
from ops.rig.service import Service, command_process, read_process
from ops.rig.valkey import valkey

LIVES, VOTES_A_LIFE = 20, 20
LARGE_ROUNDS = 5
LARGE_VOTES = 20  # in each life's round
READS = 100
WARM_UP = 3
VOTERS, LOADED_EVENTS, RATE, CHUNK_S, CONNECTIONS = 1_000, 60, 100, 5.0, 32
CAUGHT_UP_WITHIN_S = 900
_SIZES = """
    SELECT sum(pg_table_size(relid)) / 2^20, sum(pg_indexes_size(relid)) / 2^20
    FROM pg_partition_tree('votes_e' || %s)"""


@dataclass(frozen=True)
class System:
    """The processes that a vote meets, the event that may become large, and the small ones made by calls."""

    folder: Path
    database: Database
    redis_url: str
    command: Service
    query: Service
    fanout: FanoutProcess
    mint: TokenMint
    large: Event
    calls: CallTimes
    small: list[Event] = field(default_factory=list)

    def wait_until_counted(self) -> None:
        """Return when fanout has counted all that is committed now."""
        end = wal_end(self.database)
        eventually(lambda: has_reached(self.redis_url, end), "all is counted", within_s=CAUGHT_UP_WITHIN_S)

    def megabytes(self) -> dict[str, float]:
        """Memory of each process, and of Redis."""
        pids = {"fanout": self.fanout.pid, "command": self.command.process.pid, "query": self.query.process.pid}
        found = {name: psutil.Process(pid).memory_info().rss / 2**20 for name, pid in pids.items()}
        with redis.Redis.from_url(self.redis_url) as client:
            return {**found, "Redis": client.info("memory")["used_memory"] / 2**20}


def main(arguments: Sequence[str]) -> int:
    """Run the bench; exit code 1 when a number of the large event is wrong in the end."""
    parser = argparse.ArgumentParser(prog="./ops/bench scale")
    parser.add_argument("--votes", type=int, default=20_000_000, help="of the large event")
    parser.add_argument("--events", type=int, default=1_000, help="small ones")
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-") as name, contextlib.ExitStack() as stack:
        both = [stack.enter_context(running(Path(name) / each)) for each in ("empty", "filled")]
        empty, filled = both
        bench_report.conditions(postgres=filled.database.version(), votes=wanted.votes, events=wanted.events)
        fill(filled, wanted.events, wanted.votes)
        for lives, reads in ((WARM_UP, WARM_UP), (LIVES, READS)):
            for system in both:
                system.calls.begin()
            take_turns(both, lives, reads)
        counted = count_in_turn(empty, filled, wanted.votes)
        ratios = report_calls(empty.calls, filled.calls)
        report_memory(empty, filled)
        ratios |= report_acks(filled)
        tally = tally_in_redis(filled.redis_url, filled.large)
    bench_report.ratios(ratios)
    return 0 if tally and sum(tally.counts.values()) == counted else 1


@contextlib.contextmanager
def running(folder: Path) -> Iterator[System]:
    """Postgres, Redis, command, query and fanout, and one open event made for many votes."""
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(migrated_database(folder / "postgres"))
        redis_url, mint = stack.enter_context(valkey(folder / "valkey")).url, TokenMint(folder)
        with psycopg.connect(database.url(), autocommit=True) as connection:
            large = make_event(connection, contestants=5, expected_votes=20_000_000)
        voting = command_process(folder, database.url("vote_command"), mint, REDIS_URL=redis_url)
        command = stack.enter_context(voting)
        query = stack.enter_context(read_process("query.reads", folder, database.url("vote_query"), redis_url, mint))
        fanout = stack.enter_context(FanoutProcess(database.url("vote_fanout"), redis_url).running())
        calls = CallTimes(command, query, mint)
        yield System(folder, database, redis_url, command, query, fanout, mint, large, calls)


def fill(system: System, events: int, votes: int) -> None:
    """Fill the ledger and say how long that took, and how much later fanout had it."""
    start = time.perf_counter()
    make_small(system.database, events)
    made = time.perf_counter()
    fill_large(system.database, system.large, votes)
    filled = time.perf_counter()
    system.wait_until_counted()
    counted = time.perf_counter()
    with psycopg.connect(system.database.url(), autocommit=True) as connection:
        connection.execute(f"VACUUM (ANALYZE) votes_e{system.large.event_no}")  # as autovacuum does sooner or later
        heap_mb, index_mb = connection.execute(_SIZES, [system.large.event_no]).fetchone() or (0, 0)
    system.database.settle()
    bench_report.table(
        ("filling", "number", "seconds"),
        [
            ("small events", events, made - start),
            ("votes of the large event", votes, filled - made),
            ("… counted by fanout, so much later", "", counted - filled),
            (f"… {heap_mb:,.0f} MB, and indexes of {index_mb:,.0f} MB: vacuum", "", time.perf_counter() - counted),
        ],
    )


def take_turns(both: Sequence[System], lives: int, reads: int) -> None:
    """The same calls on both, a few here and a few there."""
    for number in range(lives):
        for system in both:
            system.small.append(system.calls.live(VOTES_A_LIFE))
            system.calls.vote("large", system.large, LARGE_VOTES)
            if number < LARGE_ROUNDS:
                system.calls.create("create, large", 20_000_000)
    for system in both:
        system.wait_until_counted()
    for number in range(reads):
        for system in both:
            system.calls.read(system.small[number % len(system.small)], system.large)
    for system in both:
        system.calls.leaf_through()


def count_in_turn(empty: System, filled: System, votes: int) -> int:
    """Statistics of small events and of the large one, and of small ones while the large one is counted.

    Gives how many votes the large one has.
    """
    half = len(filled.small) // 2
    for pair in zip(empty.small[:half], filled.small[:half], strict=True):
        for system, event in zip((empty, filled), pair, strict=True):
            system.calls.count("statistics, small", event)
    empty.calls.count("statistics, large", empty.large)
    filled.calls.statistics("statistics, large, first answer", filled.large)
    for event in filled.small[half:]:
        filled.calls.count("statistics, small, beside a count", event)
    found = filled.calls.count("statistics, large", filled.large, votes)
    print(f"The large event was counted in {found['took_s']:.1f} s: {found['votes']:,} votes.", flush=True)
    empty.calls.reconnect()
    for _ in range(READS):
        for system in (empty, filled):
            system.calls.statistics("statistics, large, again", system.large)
    return int(found["votes"])


def report_calls(empty: CallTimes, filled: CallTimes) -> dict[str, float]:
    """Print the calls side by side; the ratios of their medians by name."""
    was, now = empty.percentiles(), filled.percentiles()
    nothing = (float("nan"), float("nan"))
    rows = [(name, *was.get(name, nothing), *now[name], now[name][0] / was.get(name, nothing)[0]) for name in now]
    bench_report.table(("ms", "empty p50", "p99", "filled p50", "p99", "ratio of p50"), rows)
    return {name.replace(", ", "_").replace(" ", "_"): ratio for name, *_, ratio in rows if name in was}


def report_memory(empty: System, filled: System) -> None:
    """Print what the processes take."""
    was, now = empty.megabytes(), filled.megabytes()
    bench_report.table(("memory, MB", "empty", "filled"), [(name, was[name], now[name]) for name in now])


def report_acks(system: System) -> dict[str, float]:
    """Print what votes for small events wait while nothing is counted, and while the large event is; ratios of that."""
    with psycopg.connect(system.database.url(), autocommit=True) as connection:
        events = [make_event(connection, contestants=5, expected_votes=VOTERS) for _ in range(LOADED_EVENTS)]
    voters = [system.mint.voter() for _ in range(VOTERS)]
    requests = chain.from_iterable(vote_requests(event, voters) for event in events)
    quiet, busy = acks(system, requests), list[float]()
    # A process of its own has counted nothing yet: so it begins at once.
    reading = system.database.url("vote_query"), system.redis_url, system.mint
    with read_process("query.reads", system.folder, *reading) as query:
        calls = CallTimes(system.command, query, system.mint)
        counting = threading.Thread(target=calls.count, args=("statistics", system.large))
        counting.start()
        while counting.is_alive():
            busy += acks(system, requests)
    quiet += acks(system, requests)
    rows = [
        (f"at {RATE} votes/s", percentile_ms(quiet, 50), percentile_ms(quiet, 99)),
        ("… while the large event is counted", percentile_ms(busy, 50), percentile_ms(busy, 99)),
    ]
    bench_report.table(("ack of a vote, ms", "p50", "p99"), rows)
    return {f"ack_beside_a_count_p{each}": percentile_ms(busy, each) / percentile_ms(quiet, each) for each in (50, 99)}


def acks(system: System, requests: Iterator[bytes]) -> list[float]:
    """Seconds of the next votes, sent at one rate."""
    some = islice(requests, int(RATE * CHUNK_S))
    found = Load([system.command.port], some, CONNECTIONS, CHUNK_S, RATE).run()
    assert set(found.statuses) == {200}, found.statuses
    return found.latencies
