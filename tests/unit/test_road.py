"""What staff are told of a vote's road: pure, from reports and positions."""

from contract.road import RECENT_REPORTS, Part, Process, RecentLatency, RoadReport, Trouble
from contract.standings import AppliedPosition
from query.reads.road_health import health
from query.replica_reader import WalEnd

BOUNDS_S = (0.01, 0.1, 1.0, float("inf"))
NOW = 1_800_000_000.0
EVENT = "7d3b4c52-0000-4000-8000-000000000000"


def test_slow_is_what_one_in_a_hundred_exceeds_lately() -> None:
    """By the histogram's bounds; what is long past counts no more, and beyond all bounds it is the last of them."""
    latency = RecentLatency(BOUNDS_S)
    assert latency.slow_ms([5, 5, 5, 5]) is None  # nobody knows when these were
    assert latency.slow_ms([104, 104, 104, 104]) == 10
    assert latency.slow_ms([104, 106, 106, 106]) == 100
    assert latency.slow_ms([104, 106, 106, 206]) == 1000
    said = [latency.slow_ms([104, 106, 106, 206]) for _ in range(RECENT_REPORTS)]
    assert said[-1] is None


def report(part: Part, **fields: object) -> RoadReport:
    said = {"at": NOW, "waiting": 0, "slow_ms": None, "watching": 0, "watching_by_event": {}, "trouble": None, **fields}
    own = {"process": Process("host", 7, "1.0", NOW - 3_700), "why_not_ready": "", "lag_s": None}
    return RoadReport(part, **{**own, **said})  # type: ignore[arg-type]  # a test's own words


def test_processes_are_added_up_and_the_slowest_tells() -> None:
    """Waiting votes and viewers are sums, the slowest process says how slow it is, the last trouble is told."""
    reports = [
        report(Part.VOTES, waiting=3, slow_ms=20.0, trouble=Trouble("old", "2026-01-01T00:00:00Z")),
        report(Part.VOTES, waiting=4, slow_ms=50.0),
        report(Part.STREAMS, watching=9, watching_by_event={EVENT: 7}, trouble=Trouble("new", "2026-01-02T00:00:00Z")),
    ]
    said = health(reports, {}, [], NOW, EVENT)
    assert (said.votes.processes, said.votes.waiting, said.votes.slow_ms) == (2, 7, 50.0)
    assert (said.streams.processes, said.streams.watching, said.streams.watching_event) == (1, 9, 7)
    assert said.last_trouble and (said.last_trouble.part, said.last_trouble.message) == ("streams", "new")


def test_counting_is_behind_by_the_worst_source() -> None:
    """Positions of another history say nothing; one that is ahead of what a replica has isn't behind."""
    applied = {
        "main": AppliedPosition(1, 1, 900, NOW - 0.5),
        "other": AppliedPosition(2, 1, 500, NOW - 2),
        "ahead": AppliedPosition(3, 1, 70, NOW),
        "promoted": AppliedPosition(4, 1, 0, NOW),
    }
    ends = [WalEnd("main", 1, 1, 1000), WalEnd("other", 2, 1, 800), WalEnd("ahead", 3, 1, 60)]
    counting = health([], applied, [*ends, WalEnd("promoted", 4, 2, 9999)], NOW, EVENT).counting
    assert (counting.heard_ms_ago, counting.behind_bytes) == (2000, 300)


def test_silence_is_no_number() -> None:
    """Without Redis and Postgres there is nothing to say, and that is said."""
    said = health([], {}, [], NOW, EVENT)
    assert (said.votes.processes, said.votes.slow_ms) == (0, None)
    assert (said.counting.heard_ms_ago, said.counting.behind_bytes) == (None, None)
    assert said.last_trouble is None
