"""What may be shown of an event, and what may follow it."""

from hypothesis import given
from hypothesis import strategies as st

from contract.standings import SourceTally
from query.reading import Reading, follow, from_checkpoint, from_redis

SOURCES = ("main", "second")


def tally(source: str = "main", **fields: object) -> SourceTally:
    """A tally with these fields over plain ones."""
    plain = {"event_id": "e", "epoch": 1, "lsn": 100, "status": "open", "as_of": "2026-01-01T00:00:00Z", "counts": {}}
    return SourceTally(source=source, **{**plain, **fields})  # type: ignore[arg-type]  # fields of several types


def reading(counts: dict[int, int], lsn: int, epoch: int = 1, status: str = "open", *, fresh: bool = True) -> Reading:
    """A reading of one source."""
    made = from_redis([tally(counts=counts, lsn=lsn, epoch=epoch, status=status)], ["main"], fresh=fresh)
    assert made
    return made


def position(reading: Reading) -> tuple[int, int]:
    """By what a later one is told."""
    return reading.standings.epoch, reading.standings.version


def test_sources_are_one_reading_that_is_exact_only_when_all_are_there() -> None:
    """Counts and positions add up; a missing or silent source marks the sum."""
    first, second = tally(counts={1: 2}), tally("second", lsn=50, counts={1: 1, 2: 4})
    whole = from_redis([first, second], SOURCES, fresh=True)
    assert whole
    assert (whole.standings.counts, position(whole), whole.stale) == ({1: 3, 2: 4}, (2, 150), False)
    for tallies, fresh in (([first], True), ([first, second], False)):
        partial = from_redis(tallies, SOURCES, fresh=fresh)
        assert partial
        assert partial.stale
    assert from_redis([], SOURCES, fresh=True) is None


def test_closed_is_final_only_when_every_source_has_closed() -> None:
    """Votes before the close may still come from a source that hasn't said `closed`; then nothing can lag any more."""
    closed = tally(status="closed")
    half = from_redis([closed, tally("second")], SOURCES, fresh=True)
    assert half
    assert (half.standings.status, half.final) == ("open", False)
    both = from_redis([closed, tally("second", status="closed")], SOURCES, fresh=False)
    assert both
    assert (both.final, both.stale) == (True, False)


def test_checkpoint_is_stale_and_never_final() -> None:
    """Its status is the replica's and may be ahead of its counts."""
    made = from_checkpoint([tally(status="closed", counts={1: 1})], ["main"], "e", "closed")
    assert (made.stale, made.final, made.standings.total_votes) == (True, False, 1)
    assert from_checkpoint([], ["main"], "e", "open").standings.total_votes == 0


def test_later_position_with_the_same_counts_takes_news_of_an_older_one() -> None:
    """The shown version stays, status and freshness are taken over."""
    shown = from_checkpoint([tally(lsn=200, counts={1: 1})], ["main"], "e", "open")
    after = follow(shown, reading({1: 1}, 100, status="closed"))
    assert (position(after), after.final, after.stale) == ((1, 200), True, False)


def test_new_epoch_replaces_whatever_was_shown() -> None:
    """A rebuild starts its positions anew, perhaps lower."""
    assert follow(reading({1: 5}, 900), reading({1: 5}, 3, epoch=2)).standings.version == 3


@given(
    st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1),
    st.lists(st.integers(0, 3), min_size=31, max_size=31),
)
def test_nothing_shown_is_taken_back(order: list[tuple[int, bool]], growth: list[int]) -> None:
    """In whatever order the states of one history are read, versions and totals never fall."""
    totals = [sum(growth[: position + 1]) for position in range(31)]
    shown = None
    for position, fresh in order:
        before, shown = shown, follow(shown, reading({1: totals[position]}, position, fresh=fresh))
        assert before is None or shown.standings.version >= before.standings.version
        assert before is None or shown.standings.total_votes >= before.standings.total_votes
        assert shown.stale or shown.standings.total_votes == totals[position]
