"""What operators are told of the processes: each as it last was, the silent ones marked, the missing ones named."""

from contract.road import Part, Process, RoadReport, Trouble
from query.reads.road_health import SILENT_AFTER_S, CountingHealth
from query.reads.status_page import as_text, status_of

NOW = 1_800_000_000.0


def report(part: Part, pid: int, at: float = NOW, **fields: object) -> RoadReport:
    """One of a process that has run for an hour and two minutes."""
    said: dict[str, object] = {"waiting": 0, "slow_ms": None, "watching": 0, "watching_by_event": {}}
    said |= {"trouble": None, "lag_s": None}
    process = Process("a", pid, "1.0", NOW - 3_720)
    words = {**said, "why_not_ready": "", **fields}
    return RoadReport(part, at, process=process, **words)  # type: ignore[arg-type]  # a test's own words


def test_the_tree_says_what_is_the_matter() -> None:
    """Ready, not ready and why, silent for how long, nobody at all: each is said, with the numbers of its work."""
    status = status_of(
        [
            report(Part.COUNTING, 3, lag_s=0.25),
            report(Part.VOTES, 2, at=NOW - SILENT_AFTER_S - 2, why_not_ready="no writer can commit to Postgres"),
            report(Part.VOTES, 1, waiting=7, slow_ms=20.0, trouble=Trouble("a batch has to go again", "2027-01-15")),
            report(Part.STREAMS, 4, watching=9),
            report(Part.READS, 5),
        ],
        CountingHealth(40, 0),
        NOW,
    )
    assert as_text(status).splitlines() == [
        "command",
        "  a:1  ready  1.0  up 1 h 2 min  waiting 7  99 of 100 within 20 ms",
        "    last trouble at 2027-01-15: a batch has to go again",
        "  a:2  SILENT for 7 s, was NOT READY  1.0  up 1 h 1 min",
        "    why: no writer can commit to Postgres",
        "fanout",
        "  a:3  ready  1.0  up 1 h 2 min  behind 0.2 s",
        "sse",
        "  a:4  ready  1.0  up 1 h 2 min  watching 9",
        "query",
        "  a:5  ready  1.0  up 1 h 2 min",
        "identity: nobody is heard",
        "counted numbers: written 40 ms ago, 0 bytes of WAL behind",
    ]
    assert status.missing == ["identity"]
    assert [(each.pid, each.silent) for each in status.processes if each.program == "command"] == [
        (1, False),
        (2, True),
    ]


def test_without_redis_nobody_is_heard() -> None:
    """Then the page says so of all of them, and guesses nothing."""
    said = as_text(status_of([], CountingHealth(None, None), NOW))
    assert said.count("nobody is heard") == 5
    assert "written by nobody, nobody knows how far behind" in said
