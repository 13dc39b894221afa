"""A vote's whole way: sent through the edge, committed, counted, pushed, seen by 200 viewers; all on one machine.

1. The best rate of votes that the whole system takes here, while 200 viewers watch.
2. At 10, 50 and 80 % of it: how long single votes take from being sent until each viewer has them, and where the time
   goes. Their ack counts as their commit: it comes right after it.
3. At 50 %: how many leaderboards a second are read, plain, and by a crowd that has the newest already.
"""

import concurrent.futures
import contextlib
import http.client
import itertools
import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from ops.benches import bench_report
from ops.load.http_load import Load, LoadResult
from ops.load.latency import percentile_ms
from ops.load.vote_observer import Journeys, VoteObserver, Watched, vote_observer
from ops.load.vote_requests import vote_requests
from ops.rig.database import Database
from ops.rig.edge import edge
from ops.rig.event import Event, make_event
from ops.rig.fanout_process import FanoutProcess
from ops.rig.people import TokenMint, Voter
from ops.rig.postgres import migrated_database
from ops.rig.service import command_process, read_process
from ops.rig.valkey import valkey

SHARES = (10, 50, 80)
VIEWERS = 200
CONTESTANTS, PROBED = 8, (4, 5, 6, 7, 8)  # make a payload of about 800 bytes; contestant_no of those with probes only
VOTERS, PROBERS = 60_000, 3_000
CONNECTIONS = 64
BEST_S, WARM_UP_S, SECONDS = 5.0, 2.0, 20.0
READERS, READ_S = 32, 8.0


@dataclass(frozen=True)
class Bench:
    """The whole system behind one port, and who votes."""

    port: int
    database: Database
    redis_url: str
    voters: Sequence[Voter]

    def new_event(self) -> Event:
        """An open event without votes."""
        with psycopg.connect(self.database.url(), autocommit=True) as connection:
            return make_event(connection, contestants=CONTESTANTS, expected_votes=VOTERS)

    @contextlib.contextmanager
    def watched(self, event: Event) -> Iterator[VoteObserver]:
        """With its viewers, and people who cast the probes."""
        with vote_observer(Watched(self.port, self.redis_url, event, PROBED, VIEWERS), self.voters[:PROBERS]) as found:
            yield found

    def votes(self, event: Event) -> Iterator[bytes]:
        """Requests of all who cast no probes."""
        return iter(list(vote_requests(replace(event, contestants=event.contestants[:3]), self.voters[PROBERS:])))

    def load(self, votes: Iterator[bytes], seconds: float, rate: float | None = None) -> LoadResult:
        """Send them; each must be taken."""
        result = Load([self.port], votes, CONNECTIONS, seconds, rate).run()
        assert set(result.statuses) == {200}, result.statuses
        assert not result.lost
        return result


def main(_arguments: Sequence[str]) -> int:
    """Run the bench."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, whole_system(Path(name)) as bench:
        bench_report.conditions(postgres=bench.database.version(), viewers=VIEWERS, seconds=SECONDS)
        event = bench.new_event()
        with bench.watched(event):
            best = bench.load(bench.votes(event), BEST_S).acked_a_second
        found = {share: follow(bench, best * share / 100) for share in SHARES}
        for share, journeys in found.items():
            bench_report.table((f"at {share} %: {best * share / 100:,.0f} votes/s", *_HEAD), _rows(journeys))
        read_leaderboards(bench, best / 2)
    half = found[50].sent_to_client
    bench_report.ratios({"p95_ms_at_50": percentile_ms(half, 95), "p99_ms_at_50": percentile_ms(half, 99)})
    return 0


@contextlib.contextmanager
def whole_system(folder: Path) -> Iterator[Bench]:
    """Every process but identity, which a vote doesn't meet."""
    with contextlib.ExitStack() as running:
        database = running.enter_context(migrated_database(folder / "postgres"))
        redis_url, mint = running.enter_context(valkey(folder / "valkey")).url, TokenMint(folder)
        voters = [mint.voter() for _ in range(VOTERS)]
        read = database.url("vote_query"), redis_url, mint
        command = running.enter_context(command_process(folder, database.url("vote_command"), mint))
        query = running.enter_context(read_process("query.reads", folder, *read))
        sse = running.enter_context(read_process("query.streams", folder, *read))
        running.enter_context(FanoutProcess(database.url("vote_fanout"), redis_url).running())
        services = {"command": command.port, "query": query.port, "sse": sse.port}
        front = running.enter_context(edge(folder, services))
        yield Bench(front.port, database, redis_url, voters)


def follow(bench: Bench, rate: float) -> Journeys:
    """Votes at this rate, and what becomes of single ones among them."""
    event = bench.new_event()
    votes = bench.votes(event)
    bench.database.settle()
    seconds = min(SECONDS, len(bench.voters) * 0.9 / rate - WARM_UP_S)
    with bench.watched(event) as observer:
        bench.load(votes, WARM_UP_S, rate)
        observer.begin(seconds)
        bench.load(votes, seconds, rate)
        return observer.journeys()


_HEAD = ("p50 ms", "p95 ms", "p99 ms")


def _rows(journeys: Journeys) -> list[tuple[object, ...]]:
    parts = {
        "sent → ack": journeys.ack,
        "ack → tally in Redis": journeys.ack_to_tally,
        "tally → client": journeys.tally_to_client,
        "sent → client": journeys.sent_to_client,
    }
    return [(name, *(percentile_ms(each, percent) for percent in (50, 95, 99))) for name, each in parts.items()]


def read_leaderboards(bench: Bench, rate: float) -> None:
    """A closed loop of readers in another process, beside the votes."""
    event, quiet = bench.new_event(), bench.new_event()
    votes, reader = bench.votes(event), bench.voters[0]
    etag = _etag(bench, quiet, reader)
    asked = {
        "plain, of the event that is voted on": _leaderboard(event, reader),
        "If-None-Match, of a quiet event": _leaderboard(quiet, reader, f"If-None-Match: {etag}\r\n"),
    }
    rows = []
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, spawn) as other:
        for name, request in asked.items():
            reading = other.submit(_read, bench.port, request)
            bench.load(votes, READ_S, rate)
            result = reading.result()
            statuses = ", ".join(f"{count:,} of {status}" for status, count in sorted(result.statuses.items()))
            percentiles = (result.percentile_ms(percent) for percent in (50, 99))
            rows.append((name, len(result.latencies) / result.seconds, *percentiles, statuses))
    head = (f"leaderboards by {READERS} readers, at {rate:,.0f} votes/s", "requests/s", "p50 ms", "p99 ms", "answers")
    bench_report.table(head, rows)


def _leaderboard(event: Event, reader: Voter, header: str = "") -> bytes:
    path = f"/v1/event/{event.event_id}/leaderboard"
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {reader.token}\r\n{header}\r\n".encode()


def _etag(bench: Bench, event: Event, reader: Voter) -> str:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", bench.port)) as connection:
        connection.request("GET", f"/v1/event/{event.event_id}/leaderboard", headers=reader.headers)
        return str(connection.getresponse().headers["ETag"])


def _read(port: int, request: bytes, seconds: float = READ_S) -> LoadResult:
    return Load([port], itertools.repeat(request), READERS, seconds).run()
