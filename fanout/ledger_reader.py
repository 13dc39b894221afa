"""What a session has to know of Postgres before it counts."""

from typing import Any

import psycopg
from psycopg import IsolationLevel

from contract import queries
from contract.position import Position
from fanout.checkpoint import Checkpoint
from fanout.rebuild import SlotState
from fanout.tally import EventTally


class LedgerReader:
    """Reads with a connection that it leaves in autocommit; each method raises psycopg.Error."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._sql = queries.load("fanout.sql")

    def slot(self, name: str) -> SlotState | None:
        """The slot, or None when there is none in this database."""
        rows = self._rows("slot", name)
        return SlotState(int(rows[0][0] or 0), rows[0][1], rows[0][2]) if rows else None

    def checkpoint(self, source: str) -> Checkpoint | None:
        """The stored checkpoint, or None when nothing was ever counted."""
        rows = self._rows("checkpoint", source)
        if not rows:
            return None
        epoch, system_id, timeline, lsn, written_us = map(int, rows[0])
        return Checkpoint(epoch, Position(system_id, timeline, lsn), written_us)

    def stored_tallies(self, source: str) -> tuple[Checkpoint | None, dict[int, EventTally]]:
        """The checkpoint and all events with their counts at it, as of one moment."""
        self._connection.isolation_level = IsolationLevel.REPEATABLE_READ
        with self._connection.transaction():
            checkpoint = self.checkpoint(source)
            events = self.events(checkpoint.position.lsn, checkpoint.written_us) if checkpoint else {}
            for event_no, contestant_no, votes in self._rows("tallies"):
                events.setdefault(event_no, EventTally()).counts[contestant_no] = votes
        self._connection.isolation_level = None
        return checkpoint, events

    def events(self, lsn: int, counted_us: int) -> dict[int, EventTally]:
        """All events, yet without counts, at `lsn`.

        An event that is over was last changed when it ended; one that is open, up to the moment of the count.
        """
        return {
            event_no: EventTally(event_id, status, counted_us if status == "open" else status_us, lsn)
            for event_no, event_id, status, status_us in self._rows("events")
        }

    def wal_end(self) -> int:
        """An LSN that no commit that was visible before this call lies beyond."""
        return int(self._rows("wal_end")[0][0])

    def _rows(self, name: str, *parameters: object) -> list[tuple[Any, ...]]:
        return psycopg.RawCursor(self._connection).execute(self._sql[name], parameters).fetchall()
