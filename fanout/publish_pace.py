"""When Redis is written next. Pure: its caller reads the clock, in seconds from any moment.

A change is written at once, but never so often that writing takes more than half of the time. Now and then a write is a
refresh, with or without a change: so that readers see that the numbers are fresh, and what Redis alone lost comes back.
"""

import math


class PublishPace:
    """The first write is due at once, and is a refresh."""

    def __init__(self, flush_s: float, refresh_s: float) -> None:
        self._flush_s = flush_s  # least time from the begin of one write to the next
        self._refresh_s = refresh_s
        self._write_at = self._refresh_at = -math.inf

    def due_at(self, *, changed: bool) -> float:
        """When to write; `changed`: there is something new."""
        return self._write_at if changed else max(self._write_at, self._refresh_at)

    def refresh_due(self, now: float) -> bool:
        """Whether a write at this moment is a refresh."""
        return now >= self._refresh_at

    def written(self, began: float, ended: float) -> None:
        """A write went well; it was a refresh if one was due when it began."""
        took_s = ended - began
        self._write_at = ended + max(self._flush_s - took_s, took_s)
        if self.refresh_due(began):
            self._refresh_at = began + self._refresh_s

    def put_off(self, until: float) -> None:
        """Not before this moment."""
        self._write_at = until
