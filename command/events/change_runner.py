"""Runs changes of events in Postgres, whose functions also log them; a refusal becomes an error of the contract."""

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import NamedTuple, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import DictRow

from command.durable_pool import Connection, DurablePool
from contract import queries
from contract.errors import Busy, ContractError, Forbidden, InvalidField, NeedsConfirmation, NotFound, Taken, WrongState
from contract.tokens import Caller

Answer = TypeVar("Answer")
Work = Callable[[Connection], Awaitable[Answer]]  # within one transaction; what it raises takes all of it back


class Actor(NamedTuple):
    """Who changes something, by which right, and the trace in which they do: as the log will say it."""

    user_id: UUID
    role: str
    trace_id: str

    @classmethod
    def of(cls, caller: Caller, trace_id: str) -> "Actor":
        """A caller who is staff."""
        return cls(UUID(caller.user_id), "admin" if "admin" in caller.roles else "host", trace_id)


class ChangeRunner:
    """Runs statements of sql/queries/command.sql through the staff's pool; all that it raises is of the contract."""

    def __init__(self, pool: DurablePool) -> None:
        self._pool = pool
        self._sql = queries.load("command.sql")

    async def run(self, work: Work[Answer]) -> Answer:
        """What the work answers, once it is committed."""
        with _translated():
            return await self._pool.run(work)

    async def read(self, work: Work[Answer]) -> Answer:
        """What the work answers, which changes nothing."""
        with _translated():
            return await self._pool.read(work)

    async def row(self, name: str, **arguments: object) -> DictRow:
        """The one row of a statement that always has one, once it is committed."""
        return await self.run(lambda connection: self.row_of(connection, name, arguments))

    async def row_of(self, connection: Connection, name: str, arguments: Mapping[str, object]) -> DictRow:
        """As `row`, inside of the work."""
        return (await self.rows_of(connection, name, arguments))[0]

    async def rows_of(self, connection: Connection, name: str, arguments: Mapping[str, object]) -> list[DictRow]:
        """All rows of a statement, inside of the work."""
        return await (await connection.execute(self._sql[name], arguments)).fetchall()


_MEANINGS: dict[str, Callable[[str, str], ContractError]] = {  # of a SQLSTATE, with its message and its column
    "VT400": lambda said, field: InvalidField(said, field=field),
    "VT403": lambda said, _: Forbidden(said),
    "VT404": lambda said, field: NotFound(said, field=field),
    "VT409": lambda said, _: WrongState(said),
    "VT422": lambda *_: Taken("the Idempotency-Key was used for another request"),
    "VT428": lambda said, _: NeedsConfirmation(said),
    "VT503": lambda *_: Busy(),
}


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        raise refusal from error


def _refusal(error: psycopg.Error) -> ContractError | None:
    """What the ledger's functions refuse; None: nobody foresaw it."""
    if error.diag.constraint_name == "contestants_look_alike":
        return InvalidField("contestant_name looks like another contestant's", field="contestant_name")
    if error.diag.constraint_name == "events_canary_rehearses":
        return InvalidField("what is for canaries stays a rehearsal", field="rehearsal")
    meaning = _MEANINGS.get(error.sqlstate or "")
    return meaning(error.diag.message_primary or "", error.diag.column_name or "") if meaning else None
