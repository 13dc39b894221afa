"""The calls that change what an event is made of, as /v1 says them; what they do is in event_editing."""

from datetime import datetime

import msgspec
from sanic import HTTPResponse, Request

from command.events.event_draft import NewContestant, Theme
from command.events.event_edit import ContestantEdit, EventEdit
from command.events.event_editing import ContestantFields, EventEditing
from command.events.event_handler import actor_of
from contract.answer_text import Id, Time
from contract.errors import NotFound, WrongState
from contract.moment import rfc3339
from contract.web.answering import answer
from contract.web.call import LARGE_BODY_BYTES_MAX, Access, call
from contract.web.request_content import large_json_body, uuid_of
from contract.web.token_verifier import TokenVerifier


class EditedEvent(msgspec.Struct):
    """What can be changed of an event, as it is now."""

    event_id: Id
    status: str
    event_name: str
    event_description: str | None
    opens_at: Time | None
    closes_at: Time | None
    results_visibility: str
    captcha: bool
    theme: Theme | None


class EditedContestant(msgspec.Struct):
    """A contestant as it is now; `order_no` is its place among the others."""

    contestant_id: Id
    contestant_name: str
    contestant_description: str
    contestant_image_url: str
    party: str | None
    order_no: int


class EditingHandler:
    """Turns requests of staff into changes of events and contestants."""

    def __init__(self, verifier: TokenVerifier, events: EventEditing) -> None:
        self._verifier = verifier
        self._events = events

    @call(
        "PATCH",
        "/v1/event/{event_id}",
        name="event_edit",
        body=EventEdit,
        body_bytes_max=LARGE_BODY_BYTES_MAX,
        access=Access.STAFF,
        answers={200: EditedEvent},
        refusals=[NotFound, WrongState],
    )
    async def edit(self, request: Request, event_id: str) -> HTTPResponse:
        """Change an event that is not over; its name and opening until it has opened."""
        by = actor_of(self._verifier, request)
        event = uuid_of(event_id, "event_id")
        now = await self._events.edit(by, event, await large_json_body(request, EventEdit))
        content = {**now._asdict(), "event_id": str(event)}
        content |= {"opens_at": _text(now.opens_at), "closes_at": _text(now.closes_at)}
        return answer(msgspec.convert(content, EditedEvent))

    @call(
        "POST",
        "/v1/event/{event_id}/contestants",
        name="contestant_add",
        body=NewContestant,
        body_bytes_max=LARGE_BODY_BYTES_MAX,
        access=Access.STAFF,
        answers={201: EditedContestant},
        refusals=[NotFound, WrongState],
    )
    async def add_contestant(self, request: Request, event_id: str) -> HTTPResponse:
        """Add a contestant to an event that has not opened yet."""
        by = actor_of(self._verifier, request)
        event = uuid_of(event_id, "event_id")
        added = await self._events.add_contestant(by, event, await large_json_body(request, NewContestant))
        return answer(_contestant(added), 201)

    @call(
        "PATCH",
        "/v1/event/{event_id}/contestants/{contestant_id}",
        name="contestant_edit",
        body=ContestantEdit,
        body_bytes_max=LARGE_BODY_BYTES_MAX,
        access=Access.STAFF,
        answers={200: EditedContestant},
        refusals=[NotFound, WrongState],
    )
    async def edit_contestant(self, request: Request, event_id: str, contestant_id: str) -> HTTPResponse:
        """Change a contestant, or its place, in an event that has not opened yet."""
        by = actor_of(self._verifier, request)
        event, contestant = uuid_of(event_id, "event_id"), uuid_of(contestant_id, "contestant_id")
        edit = await large_json_body(request, ContestantEdit)
        return answer(_contestant(await self._events.edit_contestant(by, event, contestant, edit)))

    @call(
        "DELETE",
        "/v1/event/{event_id}/contestants/{contestant_id}",
        name="contestant_remove",
        access=Access.STAFF,
        answers={204: None},
        refusals=[NotFound, WrongState],
    )
    async def remove_contestant(self, request: Request, event_id: str, contestant_id: str) -> HTTPResponse:
        """Take a contestant out of an event that has not opened yet."""
        by = actor_of(self._verifier, request)
        event, contestant = uuid_of(event_id, "event_id"), uuid_of(contestant_id, "contestant_id")
        await self._events.remove_contestant(by, event, contestant)
        return HTTPResponse(status=204)


def _text(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None


def _contestant(now: ContestantFields) -> EditedContestant:
    return EditedContestant(**{**now._asdict(), "contestant_id": str(now.contestant_id)})
