"""When the stored tallies can't be continued, and how they are counted anew while votes keep coming.

    create the slot ─► its snapshot, all before ──► count(*), minutes perhaps ──┐
          └──────────► its stream, all after ───► counted from zero at once ────┴─► added up: exact

The slot is streamed from the start, so it stays ours, and what is read meanwhile costs no memory. Nothing is
published or stored until both halves are added; then the first checkpoint replaces all tallies and raises the
epoch. If it breaks off, the old checkpoint doesn't fit the new slot, and the next session begins again.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg
from psycopg import IsolationLevel

from contract import queries
from fanout.checkpoint import Checkpoint
from fanout.conninfo import conninfo
from fanout.polled_statement import PolledStatement
from fanout.tally import Tally
from fanout.wal_decoder import CountKey
from fanout.wal_listener import Identity


class SlotState(NamedTuple):
    """What Postgres says of the slot."""

    confirmed: int
    active: bool
    lost: bool


def why_rebuild(slot: SlotState | None, stored: Checkpoint | None, saved: Tally | None, server: Identity) -> str:
    """Why what is stored (`saved` as it was read with it) can't be continued from this slot, or "" when it can."""
    if slot is None:
        return "the slot is missing"
    if slot.lost:
        return "the slot was invalidated: the WAL that it needed is gone"
    if stored is None or saved is None:
        return "there is no checkpoint"
    return _why_misfit(slot.confirmed, stored, saved.digest, server)


def _why_misfit(confirmed_lsn: int, stored: Checkpoint, digest: int, server: Identity) -> str:
    if stored.digest is None:
        return "a recount was asked for"
    if stored.digest != digest:
        return "the stored tallies were changed by another hand"
    if stored.position.system_id != server.system_id:
        return "the checkpoint was made on another system"
    if confirmed_lsn > stored.position.lsn:
        return "the slot was confirmed beyond the checkpoint"
    return ""


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

        Which events are in the ledger is no matter of the snapshot: the planner goes by what is attached now. So it
        plans here, between two looks at that, and what isn't attached is taken from the stored tallies.
        """
        attached = self._attached()
        psycopg.RawCursor(self.connection).execute(self._sql["plan_recount"], [attached])
        if self._attached() != attached:
            raise psycopg.OperationalError("an event was attached or detached at this moment")
        self._count = PolledStatement(self.connection, self._sql["recount"])

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
        return [event_no for (event_no,) in psycopg.RawCursor(self.connection).execute(self._sql["attached"])]
