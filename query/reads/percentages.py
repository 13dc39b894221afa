"""Percentages with two decimals that add up to 100.00: the largest remainders get what rounding down left over."""

from collections.abc import Sequence

HUNDREDTHS = 10_000


def percentages(votes: Sequence[int]) -> list[float]:
    """Each count's share of the total; all 0.0 when there are no votes. Of equal remainders the earlier wins."""
    total = sum(votes)
    if total == 0:
        return [0.0] * len(votes)
    shares = [count * HUNDREDTHS // total for count in votes]
    by_remainder = sorted(range(len(votes)), key=lambda index: -(votes[index] * HUNDREDTHS % total))
    for index in by_remainder[: HUNDREDTHS - sum(shares)]:
        shares[index] += 1
    return [share / 100 for share in shares]


def share(part: int, whole: int) -> float:
    """What percentage `part` is of `whole`, which isn't 0, with two decimals."""
    return round(100 * part / whole, 2)
