"""How latencies are summed up."""

from collections.abc import Sequence


def percentile_ms(seconds: Sequence[float], percent: float) -> float:
    """What so many per cent of these stayed under, in milliseconds; not a number when there are none."""
    ordered = sorted(seconds)
    return 1000 * ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)] if ordered else float("nan")
