"""Asks now and then what the slot keeps of the WAL, on the connection that a session has anyway.

The statement is awaited by the select loop, as a checkpoint is, and only one of the two is under way: so it costs
the loop a millisecond every WATCH_S. The view of slots is everybody's to read; no right is needed for it.
"""

import time
from typing import Any

import psycopg

from contract import queries
from fanout import vitals
from fanout.polled_statement import PolledStatement

WATCH_S = 2.0


class SlotWatch:
    """Keeps the metrics of one slot."""

    def __init__(self, connection: psycopg.Connection[Any], slot: str) -> None:
        self._connection = connection
        self._slot = slot
        self._statement = queries.load_positional("fanout.sql")["slot_wal"]
        self._asking: PolledStatement | None = None
        self._asked_at = 0.0
        self._asked_unix = 0.0

    @property
    def busy(self) -> bool:
        """Whether a statement is under way."""
        return self._asking is not None

    def waited_s(self, now: float) -> float:
        """For how long the statement that is under way has had no answer; 0 without one."""
        return now - self._asked_at if self.busy else 0.0

    def ask_when_due(self, now: float) -> None:
        """Ask, if it is time; `now` in monotonic seconds."""
        if now - self._asked_at >= WATCH_S:
            self._asked_at, self._asked_unix = now, time.time()
            self._asking = PolledStatement(self._connection, self._statement, slot=self._slot)

    def poll(self) -> None:
        """Take the answer, if there is one. Raises psycopg.Error."""
        rows = self._asking.poll() if self._asking else None
        if rows is None:
            return
        self._asking = None
        for wal_end, lag, retained, safe in rows:  # none: somebody has dropped the slot, which the stream will tell
            vitals.LAG.learn_end(int(wal_end), self._asked_unix)
            vitals.LAG_BYTES.set(int(lag))
            vitals.SLOT_RETAINED_BYTES.set(int(retained))
            vitals.SLOT_SAFE_BYTES.set(int(safe))
