"""Hosts and admins run events: create, open, close, cancel. Each is one function call in Postgres, which also logs it.

The answer to *close* is sent after its COMMIT, and that commit waited for every batch in flight: no vote
of the event can commit later.
"""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from sanic import HTTPResponse, Request

from command.event_pool import EventPool
from contract import queries
from contract.errors import InvalidField, NotDurable, NotFound, NotYours, WrongState
from contract.moment import rfc3339
from contract.web.call import Access, documented
from contract.web.request_body import json_body
from contract.web.service import answer, trace_id, uuid_in_path
from contract.web.token_verifier import TokenVerifier

_NO_NUL = r"^[^\x00]*$"  # Postgres' text can't hold it
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=_NO_NUL)]
Text = Annotated[str, msgspec.Meta(max_length=4000, pattern=_NO_NUL)]
ImageUrl = Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^(https?://[^\s\x00]+)?$")]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class NewContestant(msgspec.Struct, omit_defaults=True):
    """A contestant as a host enters it."""

    contestant_name: Name
    contestant_description: Text
    contestant_image_url: ImageUrl
    party: Name | None = None


class NewEvent(msgspec.Struct, omit_defaults=True):
    """An event as a host enters it."""

    user_id: UUID
    event_name: Name
    contestants: Annotated[list[NewContestant], msgspec.Meta(min_length=1, max_length=1000)]
    event_description: Text | None = None
    opens_at: Moment | None = None
    closes_at: Moment | None = None
    results_visibility: Literal["public", "after_close", "staff"] = "public"
    expected_votes: Annotated[int, msgspec.Meta(ge=1, le=10**10)] | None = None


class CreatedContestant(msgspec.Struct):
    """A contestant's new id."""

    contestant_id: UUID
    contestant_name: str


class CreatedEvent(msgspec.Struct):
    """The ids of a new event, contestants in the order given."""

    event_id: UUID
    contestants: list[CreatedContestant]


class EventStatus(msgspec.Struct):
    """What an event's status is, and since when."""

    event_id: UUID
    status: str
    at: datetime


class EventHandler:
    """Turns requests of staff into changes of events; new events get the keys `key_no`."""

    def __init__(self, verifier: TokenVerifier, pool: EventPool, key_no: int) -> None:
        self._verifier = verifier
        self._pool = pool
        self._key_no = key_no
        self._sql = queries.load("command.sql")
        self._decoder = msgspec.json.Decoder(NewEvent)

    @documented(
        "Make an event with its contestants",
        body=NewEvent,
        access=Access.STAFF,
        answers={200: CreatedEvent},
        refusals=[NotYours, NotFound],
    )
    async def create(self, request: Request) -> HTTPResponse:
        """POST /v1/event/create"""
        caller = self._verifier.staff(request)
        event = json_body(request, self._decoder)
        if event.opens_at and event.closes_at and event.closes_at <= event.opens_at:
            raise InvalidField("closes_at must be after opens_at", field="closes_at")
        async with self._connection() as connection:
            await self._require_caller(connection, event.user_id, caller.user_id)
            arguments = {
                "event": Jsonb(msgspec.to_builtins(event)),
                "key_no": self._key_no,
                "actor": caller.user_id,
                "trace_id": trace_id(request),
            }
            created = await (await connection.execute(self._sql["create_event"], arguments)).fetchone()
            assert created is not None  # the function answers or raises
            rows = await (await connection.execute(self._sql["contestants_of_event"], created)).fetchall()
        contestants = [
            {"contestant_id": str(row["contestant_id"]), "contestant_name": row["contestant_name"]} for row in rows
        ]
        return answer({"event_id": str(created["event_id"]), "contestants": contestants})

    @documented(
        "Open an event for votes", access=Access.STAFF, answers={200: EventStatus}, refusals=[NotFound, WrongState]
    )
    async def open(self, request: Request, event_id: str) -> HTTPResponse:
        """POST /v1/event/{event_id}/open"""
        return await self._change(request, event_id, "open")

    @documented(
        "Close an event: no vote commits after the answer",
        access=Access.STAFF,
        answers={200: EventStatus},
        refusals=[NotFound, WrongState],
    )
    async def close(self, request: Request, event_id: str) -> HTTPResponse:
        """POST /v1/event/{event_id}/close"""
        return await self._change(request, event_id, "closed")

    @documented(
        "Cancel an event that is not over",
        access=Access.STAFF,
        answers={200: EventStatus},
        refusals=[NotFound, WrongState],
    )
    async def cancel(self, request: Request, event_id: str) -> HTTPResponse:
        """POST /v1/event/{event_id}/cancel"""
        return await self._change(request, event_id, "cancelled")

    async def _change(self, request: Request, event_id: str, status: str) -> HTTPResponse:
        caller = self._verifier.staff(request)
        event = uuid_in_path(event_id, "event_id")
        arguments = {
            "event_id": event,
            "status": status,
            "actor": caller.user_id,
            "trace_id": trace_id(request),
        }
        async with self._connection() as connection:
            row = await (await connection.execute(self._sql["change_event_status"], arguments)).fetchone()
        assert row is not None  # the function answers or raises
        return answer({"event_id": str(event), "status": row["status"], "at": rfc3339(row["status_at"])})

    async def _require_caller(self, connection: psycopg.AsyncConnection[DictRow], user_id: UUID, caller: str) -> None:
        if str(user_id) == caller:
            return
        row = await (await connection.execute(self._sql["user_exists"], {"user_id": user_id})).fetchone()
        if row is None or not row["user_exists"]:
            raise NotFound("user not found", field="user_id")
        raise NotYours

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
