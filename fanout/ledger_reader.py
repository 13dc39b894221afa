"""What a session has to know of Postgres before it counts."""

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import IsolationLevel

from contract import queries
from contract.position import Position
from contract.standings import OnAir
from fanout.checkpoint import Checkpoint
from fanout.event_freeze import EventFreeze
from fanout.slot_state import SlotState
from fanout.tally import EventTally, Tally
from fanout.wal_decoder import CountKey

ROWS_PER_FETCH = 10_000


class LedgerReader:
    """Reads with a connection that it leaves in autocommit; each method raises psycopg.Error."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._sql = queries.load("fanout.sql")

    def slot(self, name: str) -> SlotState | None:
        """The slot, or None when there is none in this database."""
        rows = self._rows("slot", slot=name)
        return SlotState(int(rows[0][0] or 0), rows[0][1], rows[0][2]) if rows else None

    def checkpoint(self, source: str) -> Checkpoint | None:
        """The stored checkpoint, or None when nothing was ever counted."""
        rows = self._rows("checkpoint", source=source)
        if not rows:
            return None
        *numbers, digest = rows[0]
        epoch, system_id, timeline, lsn, written_us = map(int, numbers)
        return Checkpoint(epoch, Position(system_id, timeline, lsn), written_us, digest)

    def stored_tally(
        self, source: str, between: Callable[[], None] = lambda: None
    ) -> tuple[Checkpoint | None, Tally | None]:
        """The checkpoint and all events with their counts at it, as of one moment.

        Millions of counts take longer than a server waits for a sign of life: `between` is called now and then.
        """
        self._connection.isolation_level = IsolationLevel.REPEATABLE_READ
        with self._connection.transaction():
            checkpoint = self.checkpoint(source)
            tally = self._tally(source, checkpoint, between) if checkpoint else None
        self._connection.isolation_level = None
        return checkpoint, tally

    def _tally(self, source: str, checkpoint: Checkpoint, between: Callable[[], None]) -> Tally:
        events = self.events(checkpoint.position.lsn, checkpoint.written_us)
        tally = Tally(source, checkpoint.epoch, checkpoint.position, events)
        with self._connection.cursor(name="tallies") as cursor:
            cursor.execute(self._sql["tallies"])
            while rows := cursor.fetchmany(ROWS_PER_FETCH):
                tally.add_saved({CountKey(event_no, contestant_no): votes for event_no, contestant_no, votes in rows})
                between()
        tally.add_saved_freezes(
            {event_no: EventFreeze(int(lsn), as_of_us, counts) for event_no, lsn, as_of_us, counts in self._freezes()}
        )
        return tally

    def _freezes(self) -> list[tuple[int, int, int, dict[int, int]]]:
        rows = self._rows("freezes")
        return [(*row, {int(no): votes for no, votes in counts.items()}) for *row, counts in rows]

    def events(self, lsn: int, counted_us: int) -> dict[int, EventTally]:
        """All events, still without counts, as of `lsn`.

        An event that is over was last changed when it ended; an open one may have changed until the count was made.
        """
        events = {}
        for event_no, event_id, status_us, display_us, *rest in self._rows("events"):
            on_air = OnAir(*rest)
            as_of_us = counted_us if on_air.status == "open" else status_us
            freeze = EventFreeze(lsn, display_us, None) if on_air.frozen else None
            events[event_no] = EventTally(event_id, on_air, as_of_us, lsn, freeze=freeze)
        return events

    def slot_blockers(self, walsender_pid: int) -> list[str]:
        """Whose transactions have to end before a slot can be made, in words."""
        rows = self._rows("slot_blockers", walsender_pid=walsender_pid)
        return [f"{who} {application} (pid {pid})" for pid, who, application in rows]

    def wal_end(self) -> int:
        """An LSN at or after the end of every commit that was visible before this call."""
        return int(self._rows("wal_end")[0][0])

    def _rows(self, name: str, /, **values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(self._sql[name], values).fetchall()
