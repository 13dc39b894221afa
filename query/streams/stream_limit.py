"""How many streams one address, or one user, may hold, counted in this process (user_streams counts all of them).

A carrier's NAT holds thousands of honest viewers.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator

from contract.errors import TooMany


def too_many(whose: str) -> TooMany:
    """The refusal of one stream more: "from this address"."""
    return TooMany(f"too many streams {whose}, come back in a moment")


class StreamLimit:
    """At most so many at a time for each `whose`, which is said to whom it refuses: "from this address"."""

    def __init__(self, streams_max: int, whose: str) -> None:
        self._streams_max = streams_max
        self._whose = whose
        self._streams: Counter[str] = Counter()

    @contextlib.contextmanager
    def admit(self, who: str) -> Iterator[None]:
        """Count this stream until the end of the block; raises `TooMany`."""
        if self._streams[who] >= self._streams_max:
            raise too_many(self._whose)
        self._streams[who] += 1
        try:
            yield
        finally:
            self._streams[who] -= 1
            if not self._streams[who]:
                del self._streams[who]
