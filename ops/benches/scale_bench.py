"""Whether a thousand small events and one of 20 million votes make anything slow: the same calls before and after.

One run, one machine: calls on an almost empty database; then the events and votes, with fanout counting all the while;
then the same calls again, statistics of the large event among them, and what its being counted does to votes.
"""

import argparse
import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

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

LARGE_VOTES_TRIED = 300
VOTERS, RATE, CHUNK_S, CONNECTIONS = 2_000, 150, 5.0, 32
COUNT_CAUGHT_UP_S = 600
_SIZES = """
    SELECT sum(pg_table_size(relid)) / 2^20, sum(pg_indexes_size(relid)) / 2^20
    FROM pg_partition_tree('votes_e' || %s)"""


@dataclass(frozen=True)
class Bench:
    """The processes, and the event that becomes large."""

    database: Database
    redis_url: str
    command: Service
    query: Service
    fanout: FanoutProcess
    mint: TokenMint
    large: Event

    def measure(self) -> tuple[CallTimes, Mapping[str, Any]]:
        """All calls; and what was counted of the large event."""
        self.database.settle()
        calls = CallTimes(self.command, self.query, self.mint)
        small = calls.lives()
        calls.votes("large", self.large, LARGE_VOTES_TRIED)
        self.wait_until_counted()
        calls.reads(small, self.large)
        return calls, calls.statistics(small, self.large)

    def wait_until_counted(self) -> None:
        """Return when fanout has counted all that is committed now."""
        end = wal_end(self.database)
        eventually(lambda: has_reached(self.redis_url, end), "all is counted", within_s=COUNT_CAUGHT_UP_S)

    def memory_mb(self) -> dict[str, float]:
        """Of each process, and of Redis."""
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
    with tempfile.TemporaryDirectory(prefix="bench-") as name, running(Path(name)) as bench:
        bench_report.conditions(postgres=bench.database.version(), votes=wanted.votes, events=wanted.events)
        bench.measure()  # to warm all of it up
        before, _ = bench.measure()
        memory = bench.memory_mb()
        fill(bench, wanted.events, wanted.votes)
        after, counted = bench.measure()
        grown = bench.memory_mb()
        quiet, busy = acks_beside_a_count(bench)
        tally = tally_in_redis(bench.redis_url, bench.large)
    ratios = report(before, after)
    bench_report.table(
        ("what else", "before", "after"), [(f"memory of {name}, MB", memory[name], grown[name]) for name in memory]
    )
    bench_report.table(
        ("ack of a vote, ms", "p50", "p99"),
        [
            (f"at {RATE} votes/s", percentile_ms(quiet, 50), percentile_ms(quiet, 99)),
            ("… while the large event is counted", percentile_ms(busy, 50), percentile_ms(busy, 99)),
        ],
    )
    print(f"The large event was counted in {counted['took_s']:.1f} s: {counted['votes']:,} votes.", flush=True)
    bench_report.ratios(
        {
            **ratios,
            "counting_ack_p50": percentile_ms(busy, 50) / percentile_ms(quiet, 50),
            "counting_ack_p99": percentile_ms(busy, 99) / percentile_ms(quiet, 99),
        }
    )
    right = tally is not None and sum(tally.counts.values()) == counted["votes"] == wanted.votes + 3 * LARGE_VOTES_TRIED
    return 0 if right else 1


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Bench]:
    """Postgres, Redis, command, query and fanout, and one open event made for many votes."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(migrated_database(folder / "postgres"))
        redis_url, mint = stack.enter_context(valkey(folder / "valkey")).url, TokenMint(folder)
        with psycopg.connect(database.url(), autocommit=True) as connection:
            large = make_event(connection, contestants=5, expected_votes=20_000_000)
        command = stack.enter_context(command_process(folder, database.url("vote_command"), mint, REDIS_URL=redis_url))
        query = stack.enter_context(read_process("query.reads", folder, database.url("vote_query"), redis_url, mint))
        fanout = stack.enter_context(FanoutProcess(database.url("vote_fanout"), redis_url).running())
        yield Bench(database, redis_url, command, query, fanout, mint, large)


def fill(bench: Bench, events: int, votes: int) -> None:
    """Fill the ledger and say how long that took, and how much later fanout had it."""
    start = time.perf_counter()
    make_small(bench.database, events)
    made = time.perf_counter()
    fill_large(bench.database, bench.large, votes)
    filled = time.perf_counter()
    bench.wait_until_counted()
    counted = time.perf_counter()
    with psycopg.connect(bench.database.url(), autocommit=True) as connection:
        connection.execute(f"VACUUM (ANALYZE) votes_e{bench.large.event_no}")  # as autovacuum does sooner or later
        heap_mb, index_mb = connection.execute(_SIZES, [bench.large.event_no]).fetchone() or (0, 0)
    bench_report.table(
        ("filling", "number", "seconds"),
        [
            ("small events", events, made - start),
            ("votes of the large event", votes, filled - made),
            ("… counted by fanout, so much later", "", counted - filled),
            (f"… {heap_mb:,.0f} MB, and indexes of {index_mb:,.0f} MB: vacuum", "", time.perf_counter() - counted),
        ],
    )


def report(before: CallTimes, after: CallTimes) -> dict[str, float]:
    """Print the calls side by side; their medians after ÷ before by name."""
    was, now = before.percentiles(), after.percentiles()
    nothing = (float("nan"), float("nan"))
    rows = [(name, *was.get(name, nothing), *now[name], now[name][0] / was.get(name, nothing)[0]) for name in now]
    bench_report.table(("ms", "before p50", "p99", "after p50", "p99", "after ÷ before, p50"), rows)
    return {name.replace(", ", "_").replace(" ", "_"): ratio for name, *_, ratio in rows if name in was}


def acks_beside_a_count(bench: Bench) -> tuple[list[float], list[float]]:
    """Seconds of acks of votes for small events at one rate: while nothing is counted, and while the large event is."""
    with psycopg.connect(bench.database.url(), autocommit=True) as connection:
        events = [make_event(connection, contestants=5, expected_votes=VOTERS) for _ in range(60)]
    voters = [bench.mint.voter() for _ in range(VOTERS)]
    requests = chain.from_iterable(vote_requests(event, voters) for event in events)
    quiet = _acks(bench, requests)
    # A process of its own has counted nothing yet: so it begins at once.
    folder = Path(bench.mint.jwks).parent
    fresh = read_process("query.reads", folder, bench.database.url("vote_query"), bench.redis_url, bench.mint)
    with fresh as query:
        calls = CallTimes(bench.command, query, bench.mint)
        counting = threading.Thread(target=calls.statistics, args=([], bench.large))
        counting.start()
        busy = _acks(bench, requests)
        while counting.is_alive():
            busy += _acks(bench, requests)
        counting.join()
    return quiet, busy


def _acks(bench: Bench, requests: Iterator[bytes]) -> list[float]:
    some = islice(requests, int(RATE * CHUNK_S))
    found = Load([bench.command.port], some, CONNECTIONS, CHUNK_S, RATE).run()
    assert set(found.statuses) == {200}, found.statuses
    return found.latencies
