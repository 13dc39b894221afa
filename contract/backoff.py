"""Waiting before another try: longer after each failure in a row, and never in step with others."""

import random

_DOUBLINGS_MAX = 30


def jittered(wait_s: float) -> float:
    """Half of it to all of it, so that many who wait don't come back at once."""
    return wait_s * random.uniform(0.5, 1)  # noqa: S311  # spreads load, keeps no secret


class Backoff:
    """The pauses of one who tries again: from `least_s`, doubled each time, to `most_s`."""

    def __init__(self, least_s: float, most_s: float) -> None:
        self._least_s = least_s
        self._most_s = most_s
        self.failures = 0

    def next_s(self) -> float:
        """Count a failure; how long to wait before the next try."""
        wait_s = min(self._most_s, self._least_s * 2 ** min(self.failures, _DOUBLINGS_MAX))
        self.failures += 1
        return jittered(wait_s)

    def reset(self) -> None:
        """It went well: the next failure is a first one."""
        self.failures = 0
