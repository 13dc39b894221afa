"""GET /v1/events and /v1/event/{event_id}: what an event is; its numbers are elsewhere. To the vote page, too, whose
people aren't known yet when they choose.

A draft is its makers' own affair: for everybody but staff it isn't here.
"""

from uuid import UUID

import msgspec
from sanic import HTTPResponse, Request

from contract.answer_text import Id
from contract.errors import Busy, InvalidField, NotFound
from contract.web.answering import answer
from contract.web.call import Access, call
from contract.web.request_content import parameter_of, uuid_of
from contract.web.token_verifier import TokenVerifier
from query.event import AskedChange, Event, EventSummary
from query.event_directory import EventDirectory
from query.event_look import PageTheme
from query.reads.event_pages import EventPages, EventStatus

HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
BALLOT_HEADERS = {"Cache-Control": "public, max-age=2"}


class EventContestant(msgspec.Struct):
    """A contestant of an event."""

    contestant_id: Id
    contestant_name: str
    contestant_description: str
    contestant_image_url: str
    party: str | None


class StaffFacts(msgspec.Struct, frozen=True):
    """What only staff are told.

    `void_reason`: why the event was declared void after its close; `asked`: what waits for a second person, or did
    until ten minutes ago.
    """

    expected_votes: int | None
    eligible_voters: int | None
    void_reason: str | None
    asked: AskedChange | None


class EventDetails(EventSummary, frozen=True):
    """An event with its contestants, in the order given by the host.

    `frozen`: the public sees the standings of a moment; `revealed`: so many places from the last up (null: nobody has
    revealed any); `two_person`: what can't be undone is confirmed by another one;
    `short_code` is what people type to join; `staff` is null for everybody else.
    """

    frozen: bool
    revealed: int | None
    two_person: bool
    short_code: str
    theme: PageTheme
    staff: StaffFacts | None
    contestants: list[EventContestant]


class EventsPage(msgspec.Struct):
    """Events, newest first; `next_cursor` asks for those after them and is null on the last page."""

    events: list[EventSummary]
    next_cursor: str | None


class EventsHandler:
    """Turns events and pages of them into answers."""

    def __init__(self, verifier: TokenVerifier, events: EventDirectory, pages: EventPages) -> None:
        self._verifier = verifier
        self._events = events
        self._pages = pages

    @call("GET", "/v1/event/{event_id}", name="event", answers={200: EventDetails}, refusals=[NotFound])
    async def event(self, request: Request, event_id: str) -> HTTPResponse:
        """One event with its contestants."""
        caller = self._verifier.caller(request)
        event = await self._events.find(uuid_of(event_id, "event_id"), caller)
        return answer(_details(event, for_staff=caller.is_staff), headers=HEADERS)

    @call(
        "GET",
        "/vote/{event_id}/ballot",
        name="ballot",
        access=Access.PUBLIC,
        answers={200: EventDetails},
        refusals=[NotFound, Busy],
    )
    async def ballot(self, _request: Request, event_id: str) -> HTTPResponse:
        """What the vote page shows: an event with its contestants, as anybody may know it."""
        event = await self._events.find(uuid_of(event_id, "event_id"), None)
        return answer(_details(event, for_staff=False), headers=BALLOT_HEADERS)

    @call(
        "GET",
        "/v1/events",
        name="events",
        query={"status": EventStatus, "cursor": UUID},
        answers={200: EventsPage},
        refusals=[InvalidField],
    )
    async def events(self, request: Request) -> HTTPResponse:
        """Events, newest first, a page at a time."""
        caller = self._verifier.caller(request)
        cursor = parameter_of(request, "cursor")
        after = uuid_of(cursor, "cursor") if cursor is not None else None
        page = await self._pages.page(caller, parameter_of(request, "status"), after)
        return answer(EventsPage(page.events, page.next_cursor), headers=HEADERS)


def _details(event: Event, *, for_staff: bool) -> EventDetails:
    plain = [name for name in EventDetails.__struct_fields__ if name not in ("contestants", "staff")]
    own = {name: getattr(event, name) for name in plain}
    contestants = [msgspec.convert(each, EventContestant, from_attributes=True) for each in event.contestants]
    staff = msgspec.convert(event, StaffFacts, from_attributes=True) if for_staff else None
    return EventDetails(**own, contestants=contestants, staff=staff)
