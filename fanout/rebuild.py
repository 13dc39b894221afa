"""How the ledger is counted anew while votes keep coming, when the stored tallies can't be continued.

    create the slot ─► its snapshot, all before ──► count(*), minutes perhaps ──┐
          └──────────► its stream, all after ───► counted from zero at once ────┴─► added up: exact

The slot is streamed from the start, so it stays ours, and what is read meanwhile costs no memory. Nothing is
published or stored until both halves are added; then the first checkpoint replaces all tallies and raises the
epoch. If it breaks off, the old checkpoint doesn't fit the new slot, and the next session begins again.

Of an event that is frozen the counts of that moment are counted, too, unless they are stored and believed: nothing
newer may take their place.

One event is counted after the other, all under the one snapshot, and its locks are let go before the next: one
statement over the whole ledger would lock every partition of every event, more than a lock table holds.
"""

from collections.abc import Container, Generator, Mapping
from typing import Any

import psycopg
from psycopg import IsolationLevel

from contract import queries
from fanout.conninfo import conninfo
from fanout.polled_statement import PolledStatement
from fanout.wal_decoder import CountKey

Rows = list[list[str]]
Steps = Generator[PolledStatement, Rows]  # yields statements, is sent their rows


class Recount:
    """Counts the ledger as one snapshot shows it, on a connection of its own.

    `freezes_believed`: whether stored freezes are right; None: freezes are of no interest.
    """

    def __init__(self, url: str, snapshot: str, *, freezes_believed: bool | None = None) -> None:
        self._freezes_believed = freezes_believed
        self._sql = queries.load_positional("fanout.sql")
        self.connection: psycopg.Connection[Any] = psycopg.connect(conninfo(url, "fanout recount"))
        self.connection.isolation_level = IsolationLevel.REPEATABLE_READ
        self.connection.read_only = True
        statement = queries.load("fanout.sql")["import_snapshot"]
        psycopg.ClientCursor(self.connection).execute(statement, {"snapshot": snapshot})
        self._counts: dict[CountKey, int] = {}
        self.frozen: dict[CountKey, int] = {}  # of the events that are frozen, as of then; whole when `poll` answers
        self._steps: Steps
        self._step: PolledStatement | None = None

    def begin(self, event_nos: Container[int] | None = None) -> None:
        """Start counting, all events or only these. Raises psycopg.Error."""
        self._steps = self._count_all(event_nos)
        self._step = next(self._steps)

    def poll(self) -> Mapping[CountKey, int] | None:
        """The counts, or None while it counts. Raises psycopg.Error."""
        assert self._step
        rows = self._step.poll()
        if rows is None:
            return None
        try:
            self._step = self._steps.send(list(rows))
        except StopIteration:
            return self._counts
        return None

    def close(self) -> None:
        """Let the snapshot go."""
        self.connection.close()

    def _count_all(self, event_nos: Container[int] | None) -> Steps:
        events = yield self._ask("ledger_events")
        yield self._ask("savepoint")
        for event_no, frozen in events:
            if event_nos is not None and int(event_no) not in event_nos:
                continue
            yield from self._count(int(event_no), freeze=frozen == "t" and self._freezes_believed is not None)
            yield self._ask("let_go")

    def _count(self, event_no: int, *, freeze: bool) -> Steps:
        """Count one event between two looks at whether it is attached.

        A snapshot doesn't fix which events are in the ledger: the planner goes by what is attached now. Once it has
        planned, the locks keep what is attached from being detached until they are let go. But of a table that was
        attached after the snapshot it may see no row: it was filled later, and nobody publishes what came with it.
        """
        ((attached, then),) = yield self._ask("attached", event_no=event_no)
        counts = yield self._plan(event_no, attached)
        frozen: Rows = []
        if freeze:
            believed = bool(self._freezes_believed)
            frozen = yield self._ask("count_frozen", event_no=event_no, attached=attached, believed=believed)
        ((still, still_then),) = yield self._ask("attached", event_no=event_no)
        if still != attached or (attached == "t" and not then == still_then == "t"):
            raise psycopg.OperationalError("an event was attached or detached since the recount began")
        self._counts.update(_by_key(event_no, counts))
        self.frozen.update(_by_key(event_no, frozen))

    def _plan(self, event_no: int, attached: str) -> PolledStatement:
        return self._ask("count_event", event_no=event_no, attached=attached)

    def _ask(self, name: str, /, **values: object) -> PolledStatement:
        return PolledStatement(self.connection, self._sql[name], **values)


def _by_key(event_no: int, counts: Rows) -> dict[CountKey, int]:
    return {CountKey(event_no, int(contestant_no)): int(votes) for contestant_no, votes in counts}
