"""A counter of one thread, for what each vote counts: prometheus_client's own takes a lock, which costs 3 µs there.

That is 0.4 µs in a loop that does nothing else. On the way of a vote, through more code than a core's cache holds, two
of them were 2 % of a process's time (`./ops/profile`).
"""

from prometheus_client import Counter


class UnlockedCounter(Counter):
    """Counts as a Counter does, in one thread; a scrape by another one reads a whole number. Exemplars aren't kept."""

    def inc(self, amount: float = 1, exemplar: dict[str, str] | None = None) -> None:  # noqa: ARG002  # Counter's own
        """Count so many more."""
        self._value._value += amount  # noqa: SLF001  # of the value under the lock
