"""The calls that make events, as /v1 says them; what they do is in event_making."""

import hashlib
from typing import Annotated
from uuid import UUID

import msgspec
from sanic import HTTPResponse, Request

from command.events.event_draft import CONTESTANTS_MAX, EventDraft, Name, require_visible
from command.events.event_handler import actor_of, idempotency_key
from command.events.event_making import EventIds, EventMaking, Repeatable
from contract.answer_text import Id
from contract.errors import InvalidField, NotFound, NotYours, Taken, WrongState
from contract.web.answering import answer
from contract.web.call import LARGE_BODY_BYTES_MAX, Access, call
from contract.web.request_content import GivenId, json_body, large_json_body, uuid_of
from contract.web.token_verifier import TokenVerifier


class NewEvent(EventDraft, omit_defaults=True, kw_only=True):
    """An event as a host enters it."""

    user_id: GivenId


class CreatedContestant(msgspec.Struct):
    """A contestant's new id."""

    contestant_id: Id
    contestant_name: str


class CreatedEvent(msgspec.Struct):
    """The ids of a new event, contestants in their order."""

    event_id: Id
    contestants: list[CreatedContestant]


class Copy(msgspec.Struct, omit_defaults=True):
    """What the copy shall have of its own; nothing: all as the original, without its schedule."""

    event_name: Name | None = None
    rehearsal: bool | None = None


class NextRound(msgspec.Struct):
    """Who goes on to the next round, in the order in which they are shown."""

    contestant_ids: Annotated[list[GivenId], msgspec.Meta(min_length=1, max_length=CONTESTANTS_MAX)]
    event_name: Name


class MakingHandler:
    """Turns requests of staff into new events."""

    def __init__(self, verifier: TokenVerifier, events: EventMaking) -> None:
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
        by = actor_of(self._verifier, request)
        event = await large_json_body(request, NewEvent)
        draft = msgspec.convert(event, EventDraft, from_attributes=True)
        return _answer(await self._events.create(by, UUID(event.user_id), draft, repeatable(request)))

    @call(
        "POST",
        "/v1/event/{event_id}/duplicate",
        name="event_duplicate",
        body=Copy,
        access=Access.STAFF,
        answers={200: CreatedEvent},
        refusals=[NotFound, Taken],
    )
    async def duplicate(self, request: Request, event_id: str) -> HTTPResponse:
        """Make the same event again, as a draft: also the real one after its rehearsal."""
        by = actor_of(self._verifier, request)
        event = uuid_of(event_id, "event_id")
        copy = json_body(request, Copy) if request.body else Copy()
        if copy.event_name is not None:
            require_visible(copy.event_name, "event_name")
        changes = msgspec.to_builtins(copy)
        return _answer(await self._events.duplicate(by, event, changes, repeatable(request)))

    @call(
        "POST",
        "/v1/event/{event_id}/next-round",
        name="event_next_round",
        body=NextRound,
        body_bytes_max=LARGE_BODY_BYTES_MAX,
        access=Access.STAFF,
        answers={200: CreatedEvent},
        refusals=[NotFound, WrongState, Taken],
    )
    async def next_round(self, request: Request, event_id: str) -> HTTPResponse:
        """Make the next round of a closed event, as a draft with those of its contestants who go on."""
        by = actor_of(self._verifier, request)
        event = uuid_of(event_id, "event_id")
        wanted = await large_json_body(request, NextRound)
        require_visible(wanted.event_name, "event_name")
        chosen = list(dict.fromkeys(map(UUID, wanted.contestant_ids)))
        if len(chosen) < len(wanted.contestant_ids):
            raise InvalidField("contestant_ids names somebody twice", field="contestant_ids")
        made = await self._events.next_round(by, event, chosen, wanted.event_name, repeatable(request))
        return _answer(made)

    @call(
        "POST",
        "/v1/event/{event_id}/reset",
        name="event_reset",
        access=Access.STAFF,
        answers={200: CreatedEvent},
        refusals=[NotFound, WrongState],
    )
    async def reset(self, request: Request, event_id: str) -> HTTPResponse:
        """Cancel a rehearsal and make it anew."""
        by = actor_of(self._verifier, request)
        return _answer(await self._events.reset(by, uuid_of(event_id, "event_id")))


def _answer(made: EventIds) -> HTTPResponse:
    contestants = [CreatedContestant(str(contestant_id), name) for contestant_id, name in made.contestants]
    return answer(CreatedEvent(str(made.event_id), contestants))


def repeatable(request: Request) -> Repeatable:
    """The key by which a client says that this is the same request as before, if it does, and what it asks for."""
    path = request.path.rstrip("/").lower().encode()
    asked = request.body if path == b"/v1/event/create" else path + b"\n" + request.body
    return Repeatable(idempotency_key(request), hashlib.sha256(asked).digest())
