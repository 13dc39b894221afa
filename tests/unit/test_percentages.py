"""Percentages by largest remainder."""

from hypothesis import given
from hypothesis import strategies as st

from query.reads.percentages import percentages


@given(st.lists(st.integers(0, 10**9), max_size=200))
def test_percentages_add_up_and_stay_near_the_truth(votes: list[int]) -> None:
    """The sum is 100.00 exactly and each is less than a hundredth off; without votes all are zero."""
    shares = percentages(votes)
    hundredths = [round(share * 100) for share in shares]
    assert sum(hundredths) == (10_000 if sum(votes) else 0)
    for count, share in zip(votes, hundredths, strict=True):
        assert abs(share * sum(votes) - count * 10_000) < max(sum(votes), 1)


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=50))
def test_more_votes_never_show_a_smaller_share(votes: list[int]) -> None:
    """Rounding doesn't turn an order around."""
    ordered = sorted(votes, reverse=True)
    assert percentages(ordered) == sorted(percentages(ordered), reverse=True)
