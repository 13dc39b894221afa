"""What was counted, said in the log once a second while there is something to say; and when counting falls behind.

A line for each vote is nobody's use: the ledger has it, and the tally is the sum.
"""

import logging
import time

from fanout import vitals

log = logging.getLogger(__name__)

EVERY_S = 1.0


class CountingLog:
    """Of one session; `late_s` is the lag from which on counting is late."""

    def __init__(self, late_s: float) -> None:
        self._late_s = late_s
        self._late = False
        self._votes = self._commits = 0
        self._told_at = time.monotonic()

    def note(self, votes: int) -> None:
        """One more commit with so many votes is counted."""
        self._votes += votes
        self._commits += 1

    def tell(self, lsn: int) -> None:
        """Say what was counted, up to this position, if that was not said for a second; and whether it is late now."""
        lag_s = round(vitals.LAG.seconds(time.time()), 3)
        if (lag_s > self._late_s) is not self._late:
            self._late = not self._late
            if self._late:
                log.warning("counting is late", extra={"lag_s": lag_s})
            else:
                log.info("counting is on time again")
        if self._commits and time.monotonic() - self._told_at >= EVERY_S:
            log.info("counted", extra={"votes": self._votes, "commits": self._commits, "lsn": lsn, "lag_s": lag_s})
            self._votes = self._commits = 0
            self._told_at = time.monotonic()
