"""What staff may do with events: the use cases, each one function call in Postgres, which also logs it.

The answer to *close* comes after its COMMIT, and that commit waited for every batch in flight: no vote of the event
can commit later.
"""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from command.event_pool import EventPool
from contract import queries
from contract.errors import InvalidField, NotDurable, NotFound, NotYours, WrongState
from contract.tokens import Caller

_NO_NUL = r"^[^\x00]*$"  # Postgres' text can't hold it
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=_NO_NUL)]
Text = Annotated[str, msgspec.Meta(max_length=4000, pattern=_NO_NUL)]
ImageUrl = Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^(https?://[^\s\x00]+)?$")]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Visibility = Literal["public", "after_close", "staff"]
Status = Literal["open", "closed", "cancelled"]


class NewContestant(msgspec.Struct, omit_defaults=True):
    """A contestant as a host enters it."""

    contestant_name: Name
    contestant_description: Text
    contestant_image_url: ImageUrl
    party: Name | None = None


class EventDraft(msgspec.Struct, omit_defaults=True, kw_only=True):
    """An event as a host enters it; kept as it is in the audit log."""

    event_name: Name
    contestants: Annotated[list[NewContestant], msgspec.Meta(min_length=1, max_length=1000)]
    event_description: Text | None = None
    opens_at: Moment | None = None
    closes_at: Moment | None = None
    results_visibility: Visibility = "public"
    expected_votes: Annotated[int, msgspec.Meta(ge=1, le=10**10)] | None = None


class EventIds(NamedTuple):
    """A new event; its contestants' ids and names in the order given."""

    event_id: UUID
    contestants: list[tuple[UUID, str]]


class StatusChange(NamedTuple):
    """What an event's status is, and since when."""

    status: str
    at: datetime


class EventChanges:
    """Changes events in Postgres; new ones get the keys `key_no`."""

    def __init__(self, pool: EventPool, key_no: int) -> None:
        self._pool = pool
        self._key_no = key_no
        self._sql = queries.load("command.sql")

    async def create(self, caller: Caller, user_id: UUID, draft: EventDraft, trace_id: str) -> EventIds:
        """Make a draft with its contestants; `NotFound` or `NotYours` when `user_id` isn't the caller's."""
        if draft.opens_at and draft.closes_at and draft.closes_at <= draft.opens_at:
            raise InvalidField("closes_at must be after opens_at", field="closes_at")
        async with self._connection() as connection:
            await self._require_caller(connection, user_id, caller)
            arguments = {
                "event": Jsonb(msgspec.to_builtins(draft)),
                "key_no": self._key_no,
                "actor": caller.user_id,
                "trace_id": trace_id,
            }
            created = await self._only_row(connection, "create_event", arguments)
            rows = await (await connection.execute(self._sql["contestants_of_event"], created)).fetchall()
        return EventIds(created["event_id"], [(row["contestant_id"], row["contestant_name"]) for row in rows])

    async def change_status(self, caller: Caller, event_id: UUID, status: Status, trace_id: str) -> StatusChange:
        """Open, close or cancel; the same again changes nothing. `NotFound`, `WrongState`."""
        arguments = {"event_id": event_id, "status": status, "actor": caller.user_id, "trace_id": trace_id}
        async with self._connection() as connection:
            row = await self._only_row(connection, "change_event_status", arguments)
        return StatusChange(row["status"], row["status_at"])

    async def _require_caller(
        self, connection: psycopg.AsyncConnection[DictRow], user_id: UUID, caller: Caller
    ) -> None:
        if str(user_id) == caller.user_id:
            return
        row = await self._only_row(connection, "user_exists", {"user_id": user_id})
        if not row["user_exists"]:
            raise NotFound("user not found", field="user_id")
        raise NotYours

    async def _only_row(
        self, connection: psycopg.AsyncConnection[DictRow], name: str, arguments: dict[str, Any]
    ) -> DictRow:
        row = await (await connection.execute(self._sql[name], arguments)).fetchone()
        assert row is not None  # these functions answer or raise
        return row

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection[DictRow]]:
        """A connection; what Postgres refuses becomes an error of the contract."""
        try:
            async with self._pool.connection() as connection:
                yield connection
        except psycopg.Error as error:
            if error.sqlstate == "VT404":
                raise NotFound("event not found") from error
            if error.sqlstate == "VT409":
                raise WrongState(error.diag.message_primary or "") from error
            if isinstance(error, psycopg.OperationalError):
                raise NotDurable from error
            raise
