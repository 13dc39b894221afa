"""The calls with which hosts and admins run events, as /v1 says them; what they do is in event_changes."""

import hashlib
from uuid import UUID

import msgspec
from sanic import HTTPResponse, Request

from command.events.event_changes import EventChanges, Repeatable, Status
from command.events.event_draft import EventDraft
from contract.answer_text import Id, Time
from contract.errors import InvalidField, NotFound, NotYours, Taken, WrongState
from contract.moment import rfc3339
from contract.web.answering import answer, trace_id
from contract.web.call import LARGE_BODY_BYTES_MAX, Access, call
from contract.web.request_content import GivenId, large_json_body, uuid_of
from contract.web.token_verifier import TokenVerifier

IDEMPOTENCY_KEY_CHARS_MAX = 100


class NewEvent(EventDraft, omit_defaults=True, kw_only=True):
    """An event as a host enters it."""

    user_id: GivenId


class CreatedContestant(msgspec.Struct):
    """A contestant's new id."""

    contestant_id: Id
    contestant_name: str


class CreatedEvent(msgspec.Struct):
    """The ids of a new event, contestants in the order given."""

    event_id: Id
    contestants: list[CreatedContestant]


class EventStatus(msgspec.Struct):
    """What an event's status is, and since when."""

    event_id: Id
    status: str
    at: Time


class EventHandler:
    """Turns requests of staff into changes of events."""

    def __init__(self, verifier: TokenVerifier, events: EventChanges) -> None:
        self._verifier = verifier
        self._events = events

    @call(
        "POST",
        "/v1/event/create",
        name="event_create",
        body=NewEvent,
        body_bytes_max=LARGE_BODY_BYTES_MAX,
        access=Access.STAFF,
        answers={200: CreatedEvent},
        refusals=[NotYours, NotFound, Taken],
    )
    async def create(self, request: Request) -> HTTPResponse:
        """Make an event with its contestants."""
        caller = self._verifier.staff(request)
        event = await large_json_body(request, NewEvent)
        repeatable = Repeatable(_idempotency_key(request), hashlib.sha256(request.body).digest())
        created = await self._events.create(caller, UUID(event.user_id), event, repeatable, trace_id(request))
        contestants = [CreatedContestant(str(contestant_id), name) for contestant_id, name in created.contestants]
        return answer(CreatedEvent(str(created.event_id), contestants))

    @call(
        "POST",
        "/v1/event/{event_id}/open",
        name="event_open",
        access=Access.STAFF,
        answers={200: EventStatus},
        refusals=[NotFound, WrongState],
    )
    async def open(self, request: Request, event_id: str) -> HTTPResponse:
        """Open an event for votes."""
        return await self._change(request, event_id, "open")

    @call(
        "POST",
        "/v1/event/{event_id}/close",
        name="event_close",
        access=Access.STAFF,
        answers={200: EventStatus},
        refusals=[NotFound, WrongState],
    )
    async def close(self, request: Request, event_id: str) -> HTTPResponse:
        """Close an event: no vote commits after the answer."""
        return await self._change(request, event_id, "closed")

    @call(
        "POST",
        "/v1/event/{event_id}/cancel",
        name="event_cancel",
        access=Access.STAFF,
        answers={200: EventStatus},
        refusals=[NotFound, WrongState],
    )
    async def cancel(self, request: Request, event_id: str) -> HTTPResponse:
        """Cancel an event that is not over."""
        return await self._change(request, event_id, "cancelled")

    async def _change(self, request: Request, event_id: str, status: Status) -> HTTPResponse:
        caller = self._verifier.staff(request)
        event = uuid_of(event_id, "event_id")
        change = await self._events.change_status(caller, event, status, trace_id(request))
        return answer(EventStatus(str(event), change.status, rfc3339(change.at)))


def _idempotency_key(request: Request) -> str | None:
    """The key by which a client says that this is the same request as before; None when it says nothing."""
    key = request.headers.get("idempotency-key")
    if key is not None and (not key.isprintable() or not 0 < len(key) <= IDEMPOTENCY_KEY_CHARS_MAX):
        raise InvalidField("Idempotency-Key must have 1 to 100 printable characters", field="Idempotency-Key")
    return key
