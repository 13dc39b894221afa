"""What hosts and admins click while a show is on, as /v1 says it; what it does is in event_changes."""

from typing import Annotated

import msgspec
from sanic import HTTPResponse, Request

from command.events.change_runner import Actor
from command.events.event_changes import Action, EventChanges, StatusChange, ToConfirm
from command.events.event_draft import require_visible
from contract.answer_text import Id, Time
from contract.errors import Forbidden, InvalidField, NeedsConfirmation, NotFound, Taken, WrongState
from contract.moment import rfc3339
from contract.visible_text import NO_NUL
from contract.web.answering import answer, trace_id
from contract.web.call import Access, call
from contract.web.request_content import json_body, uuid_of
from contract.web.token_verifier import TokenVerifier

IDEMPOTENCY_KEY_CHARS_MAX = 100
REASON_CHARS_MAX = 1000


class EventStatus(msgspec.Struct):
    """What an event's status is, and since when."""

    event_id: Id
    status: str
    at: Time


class ConfirmationNeeded(msgspec.Struct):
    """Nothing has changed: another host or admin has to confirm it before it expires."""

    event_id: Id
    needs_confirmation: bool
    expires_at: Time


class Confirmation(msgspec.Struct):
    """What is confirmed."""

    action: ToConfirm


class Voiding(msgspec.Struct):
    """Why a round is void, as the log and the result sheet will say it."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_CHARS_MAX, pattern=NO_NUL)]


class EventHandler:
    """Turns clicks into changes of an event's status."""

    def __init__(self, verifier: TokenVerifier, events: EventChanges) -> None:
        self._verifier = verifier
        self._events = events

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
        "/v1/event/{event_id}/pause",
        name="event_pause",
        access=Access.STAFF,
        answers={200: EventStatus},
        refusals=[NotFound, WrongState, Taken],
    )
    async def pause(self, request: Request, event_id: str) -> HTTPResponse:
        """Pause the voting: no vote commits between the answer and a resume."""
        return await self._change(request, event_id, "pause")

    @call(
        "POST",
        "/v1/event/{event_id}/resume",
        name="event_resume",
        access=Access.STAFF,
        answers={200: EventStatus},
        refusals=[NotFound, WrongState, Taken],
    )
    async def resume(self, request: Request, event_id: str) -> HTTPResponse:
        """End a pause."""
        return await self._change(request, event_id, "resume")

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
        return await self._change(request, event_id, "close")

    @call(
        "POST",
        "/v1/event/{event_id}/cancel",
        name="event_cancel",
        access=Access.STAFF,
        answers={200: EventStatus, 202: ConfirmationNeeded},
        refusals=[NotFound, WrongState],
    )
    async def cancel(self, request: Request, event_id: str) -> HTTPResponse:
        """Cancel an event that is not over; once it has opened, with another one's confirmation if it asks for that."""
        return await self._change(request, event_id, "cancel")

    @call(
        "POST",
        "/v1/event/{event_id}/void",
        name="event_void",
        access=Access.STAFF,
        body=Voiding,
        answers={200: EventStatus, 202: ConfirmationNeeded},
        refusals=[NotFound, WrongState],
    )
    async def void(self, request: Request, event_id: str) -> HTTPResponse:
        """Declare a closed event void for good: cancelled, with its votes as they are.

        With another one's confirmation if it asks for that.
        """
        by = actor_of(self._verifier, request)
        event = uuid_of(event_id, "event_id")
        reason = json_body(request, Voiding).reason
        require_visible(reason, "reason")
        return _answer(str(event), await self._events.void(by, event, reason))

    @call(
        "POST",
        "/v1/event/{event_id}/confirm",
        name="event_confirm",
        access=Access.STAFF,
        body=Confirmation,
        answers={200: EventStatus},
        refusals=[NotFound, Forbidden, NeedsConfirmation, WrongState],
    )
    async def confirm(self, request: Request, event_id: str) -> HTTPResponse:
        """Confirm what another host or admin has asked for within the last minutes."""
        by = actor_of(self._verifier, request)
        event = uuid_of(event_id, "event_id")
        change = await self._events.confirm(by, event, json_body(request, Confirmation).action)
        return _answer(str(event), change)

    async def _change(self, request: Request, event_id: str, action: Action) -> HTTPResponse:
        by = actor_of(self._verifier, request)
        event = uuid_of(event_id, "event_id")
        return _answer(str(event), await self._events.change_status(by, event, action, idempotency_key(request)))


def actor_of(verifier: TokenVerifier, request: Request) -> Actor:
    """Who asks, who must be staff."""
    return Actor.of(verifier.staff(request), trace_id(request))


def idempotency_key(request: Request) -> str | None:
    """By what a client says that this is the same request as before, if it does; `InvalidField`."""
    key = request.headers.get("idempotency-key")
    if key is not None and (not key.isprintable() or not 0 < len(key) <= IDEMPOTENCY_KEY_CHARS_MAX):
        raise InvalidField("Idempotency-Key must have 1 to 100 printable characters", field="Idempotency-Key")
    return key


def _answer(event_id: str, change: StatusChange) -> HTTPResponse:
    if change.expires_at:
        return answer(ConfirmationNeeded(event_id, needs_confirmation=True, expires_at=rfc3339(change.expires_at)), 202)
    return answer(EventStatus(event_id, change.status, rfc3339(change.at)))
