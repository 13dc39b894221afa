"""How the ledger is counted anew while votes keep coming, when the stored tallies can't be continued.

    create the slot ─► its snapshot, all before ──► count(*), minutes perhaps ──┐
          └──────────► its stream, all after ───► counted from zero at once ────┴─► added up: exact

The slot is streamed from the start, so it stays ours, and what is read meanwhile costs no memory. Nothing is
published or stored until both halves are added; then the first checkpoint replaces all tallies and raises the
epoch. If it breaks off, the old checkpoint doesn't fit the new slot, and the next session begins again.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import IsolationLevel

from contract import queries
from fanout.conninfo import conninfo
from fanout.polled_statement import PolledStatement
from fanout.wal_decoder import CountKey


class Recount:
    """Counts the ledger as one snapshot shows it, on a connection of its own."""

    def __init__(self, url: str, snapshot: str) -> None:
        self._sql = queries.load("fanout.sql")
        self.connection: psycopg.Connection[Any] = psycopg.connect(conninfo(url, "fanout recount"))
        self.connection.isolation_level = IsolationLevel.REPEATABLE_READ
        self.connection.read_only = True
        psycopg.ClientCursor(self.connection).execute(self._sql["import_snapshot"], {"snapshot": snapshot})
        self._count: PolledStatement | None = None

    def begin(self) -> None:
        """Start counting. Raises psycopg.Error.

        A snapshot doesn't fix which events are in the ledger: the planner goes by what is attached now. So the count is
        planned here, between two looks at what is attached; other events are taken from the stored tallies.
        """
        attached = self._attached()
        self.connection.execute(self._sql["plan_recount"], {"attached": attached})
        if self._attached() != attached:
            raise psycopg.OperationalError("an event was attached or detached at this moment")
        self._count = PolledStatement(self.connection, queries.load_positional("fanout.sql")["recount"])

    def poll(self) -> Iterator[tuple[CountKey, int]] | None:
        """The counts, or None while it counts. Raises psycopg.Error."""
        assert self._count
        rows = self._count.poll()
        if rows is None:
            return None
        return ((CountKey(int(event_no), int(contestant_no)), int(votes)) for event_no, contestant_no, votes in rows)

    def close(self) -> None:
        """Let the snapshot go."""
        self.connection.close()

    def _attached(self) -> list[int]:
        return [event_no for (event_no,) in self.connection.execute(self._sql["attached"])]
