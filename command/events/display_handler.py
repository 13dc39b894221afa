"""What hosts and admins decide to show of the results, as /v1 says it; what it does is in event_changes."""

from typing import Annotated

import msgspec
from sanic import HTTPResponse, Request

from command.events.event_changes import EventChanges
from command.events.event_draft import CONTESTANTS_MAX
from command.events.event_handler import actor_of, idempotency_key
from contract.answer_text import Id, Time
from contract.errors import NotFound, Taken, WrongState
from contract.moment import rfc3339
from contract.web.answering import answer
from contract.web.call import Access, call
from contract.web.request_content import json_body, uuid_of
from contract.web.token_verifier import TokenVerifier


class EventDisplay(msgspec.Struct):
    """What the public sees, and since when: `live`, or `frozen`: the standings of that moment."""

    event_id: Id
    display: str
    at: Time


class Places(msgspec.Struct):
    """How many places are shown, from the last up; none given: all."""

    places: Annotated[int, msgspec.Meta(ge=1, le=CONTESTANTS_MAX)] | None = None


class EventReveal(msgspec.Struct):
    """How many places are shown, from the last up, and since when."""

    event_id: Id
    revealed: int
    at: Time


class DisplayHandler:
    """Turns clicks into what the public sees."""

    def __init__(self, verifier: TokenVerifier, events: EventChanges) -> None:
        self._verifier = verifier
        self._events = events

    @call(
        "POST",
        "/v1/event/{event_id}/freeze",
        name="event_freeze",
        access=Access.STAFF,
        answers={200: EventDisplay},
        refusals=[NotFound, WrongState, Taken],
    )
    async def freeze(self, request: Request, event_id: str) -> HTTPResponse:
        """Let the public see the standings of this moment, while counting goes on."""
        return await self._freeze(request, event_id, frozen=True)

    @call(
        "POST",
        "/v1/event/{event_id}/unfreeze",
        name="event_unfreeze",
        access=Access.STAFF,
        answers={200: EventDisplay},
        refusals=[NotFound, WrongState, Taken],
    )
    async def unfreeze(self, request: Request, event_id: str) -> HTTPResponse:
        """Let the public see what is counted again."""
        return await self._freeze(request, event_id, frozen=False)

    @call(
        "POST",
        "/v1/event/{event_id}/reveal",
        name="event_reveal",
        access=Access.STAFF,
        body=Places,
        answers={200: EventReveal},
        refusals=[NotFound, WrongState],
    )
    async def reveal(self, request: Request, event_id: str) -> HTTPResponse:
        """Show the results of a closed event that were held back, all or so many places from the last up."""
        by = actor_of(self._verifier, request)
        event = uuid_of(event_id, "event_id")
        places = json_body(request, Places).places if request.body else None
        shown = await self._events.reveal(by, event, places)
        return answer(EventReveal(str(event), shown.places, rfc3339(shown.at)))

    async def _freeze(self, request: Request, event_id: str, *, frozen: bool) -> HTTPResponse:
        by = actor_of(self._verifier, request)
        event = uuid_of(event_id, "event_id")
        display = await self._events.freeze(by, event, frozen=frozen, key=idempotency_key(request))
        return answer(EventDisplay(str(event), "frozen" if display.frozen else "live", rfc3339(display.at)))
