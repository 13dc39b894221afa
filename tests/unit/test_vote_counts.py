"""What follows from a count of votes."""

from datetime import UTC, datetime, timedelta

import pytest

from query.reads.vote_counts import FRESH_S, OVER_S, VoteCounts, rest_s

EIGHT = datetime(2026, 1, 1, 20, 0, tzinfo=UTC)


def counted(by_minute: dict[int, int], *, took_s: float = 0.1, over: bool = False) -> VoteCounts:
    """Votes by minutes after eight, counted at 21:00:30."""
    minutes = {EIGHT + timedelta(minutes=minute): votes for minute, votes in by_minute.items()}
    as_of = EIGHT + timedelta(hours=1, seconds=30)
    return VoteCounts(as_of, took_s, over, minutes, {}, {}, {}, {}, None)


def test_minutes_add_up() -> None:
    """To all votes, to hours, to the first of the best minutes, and to the last whole one."""
    counts = counted({0: 3, 15: 7, 59: 7, 60: 1})
    assert counts.votes == 18
    assert counts.by_hour() == [(EIGHT, 17), (EIGHT + timedelta(hours=1), 1)]
    assert counts.peak() == (EIGHT + timedelta(minutes=15), 7)
    assert counts.last_minute == 7


def test_nothing_adds_up_to_nothing() -> None:
    """An event without votes has no peak."""
    counts = counted({})
    assert (counts.votes, counts.by_hour(), counts.peak(), counts.last_minute) == (0, [], None, 0)


@pytest.mark.parametrize(
    ("took_s", "over", "rest"),
    [(0.1, False, FRESH_S), (10, False, 100), (0.1, True, OVER_S)],
)
def test_it_is_counted_again_after_a_rest(took_s: float, rest: float, *, over: bool) -> None:
    """The longer a count took, the longer the rest; what is over is counted less often."""
    assert rest_s(took_s, over=over) == rest
