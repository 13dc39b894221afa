"""Elections of staff, as /api/v1 says them; what the calls do is in election_changes and event_reading."""

import asyncio
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType
from sanic import HTTPResponse, Request

from command.events.election_changes import ElectionChanges
from command.events.election_views import Election, ElectionPage, Title, election_of
from command.events.event_changes import Action, EventChanges
from command.events.event_draft import EventDraft, Moment
from command.events.event_edit import EventEdit
from command.events.event_handler import actor_of, idempotency_key
from command.events.event_reading import EventReading
from command.events.making_handler import repeatable
from contract.elections import ACTIVE, CLOSED, STATUSES, ElectionStatus, statuses_called
from contract.errors import InvalidField, NeedsConfirmation, NotFound, Taken, WrongState
from contract.visible_text import NO_NUL
from contract.web.answering import answer
from contract.web.call import Access, call
from contract.web.request_content import json_body, number_of, parameter_of, uuid_of
from contract.web.token_verifier import TokenVerifier

PAGE_ELECTIONS, PAGE_ELECTIONS_MAX, PAGE_NO_MAX = 20, 100, 1_000_000
ACTIONS: dict[str, Action] = {ACTIVE: "activate", CLOSED: "close"}

Description = Annotated[str, msgspec.Meta(max_length=2000, pattern=NO_NUL)]
PageNo = Annotated[int, msgspec.Meta(ge=0, le=PAGE_NO_MAX)]
PageSize = Annotated[int, msgspec.Meta(ge=1, le=PAGE_ELECTIONS_MAX)]


class NewElection(msgspec.Struct, rename="camel"):
    """An election as staff enter it; its candidates come afterwards."""

    title: Title
    description: Description
    start_date: Moment
    end_date: Moment


class ElectionEdit(msgspec.Struct, rename="camel"):
    """What is to change of an election; what isn't named stays."""

    title: Title | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    start_date: Moment | UnsetType = UNSET
    end_date: Moment | UnsetType = UNSET


class ElectionStatusChange(msgspec.Struct, rename="camel"):
    """Open or close the voting."""

    status: Literal["ACTIVE", "CLOSED"]


class ElectionHandler:
    """Turns requests of staff into changes of events, and these into elections."""

    def __init__(
        self,
        verifier: TokenVerifier,
        elections: ElectionChanges,
        changes: EventChanges,
        events: EventReading,
    ) -> None:
        self._verifier = verifier
        self._elections = elections
        self._changes = changes
        self._events = events

    @call(
        "GET",
        "/api/v1/admin/elections",
        name="elections",
        access=Access.STAFF,
        query={"page": PageNo, "size": PageSize, "status": ElectionStatus},
        answers={200: ElectionPage},
        refusals=[InvalidField],
    )
    async def page(self, request: Request) -> HTTPResponse:
        """Elections, newest first, a page at a time."""
        self._verifier.staff(request)
        page = number_of(request, "page", 0, PAGE_NO_MAX, default=0)
        size = number_of(request, "size", 1, PAGE_ELECTIONS_MAX, default=PAGE_ELECTIONS)
        word = parameter_of(request, "status")
        statuses = None if word is None else statuses_called(word)
        if statuses == []:
            raise InvalidField(f"status must be one of {', '.join(STATUSES)}", field="status")
        found = await self._events.page(statuses, page * size, size)
        content = []
        for each in found.events:
            content.append(election_of(each))
            await asyncio.sleep(0)  # votes come in between
        return answer(ElectionPage(content, page, size, found.total, -(-found.total // size)))

    @call(
        "POST",
        "/api/v1/admin/elections",
        name="election_create",
        access=Access.STAFF,
        body=NewElection,
        answers={201: Election},
        refusals=[Taken],
    )
    async def create(self, request: Request) -> HTTPResponse:
        """Make an election, which can open once it has candidates."""
        by = actor_of(self._verifier, request)
        new = json_body(request, NewElection)
        draft = EventDraft(
            event_name=new.title,
            contestants=[],
            event_description=new.description,
            opens_at=new.start_date,
            closes_at=new.end_date,
        )
        return answer(election_of(await self._elections.create(by, draft, repeatable(request))), 201)

    @call(
        "PUT",
        "/api/v1/admin/elections/{electionId}",
        name="election_edit",
        access=Access.STAFF,
        body=ElectionEdit,
        answers={200: Election},
        refusals=[NotFound, WrongState],
    )
    async def edit(self, request: Request, election_id: str) -> HTTPResponse:
        """Change an election that has not opened yet."""
        by = actor_of(self._verifier, request)
        event_id = uuid_of(election_id, "event_id")
        given = json_body(request, ElectionEdit)
        edit = EventEdit(
            event_name=given.title,
            event_description=given.description,
            opens_at=given.start_date,
            closes_at=given.end_date,
        )
        return answer(election_of(await self._elections.edit(by, event_id, edit)))

    @call(
        "DELETE",
        "/api/v1/admin/elections/{electionId}",
        name="election_cancel",
        access=Access.STAFF,
        answers={204: None},
        refusals=[NotFound, WrongState, NeedsConfirmation],
    )
    async def cancel(self, request: Request, election_id: str) -> HTTPResponse:
        """Cancel an election that is not over."""
        by = actor_of(self._verifier, request)
        event_id = uuid_of(election_id, "event_id")
        if (await self._changes.change_status(by, event_id, "cancel", idempotency_key(request))).expires_at:
            raise NeedsConfirmation("another host or admin has to confirm this")
        return HTTPResponse(status=204)

    @call(
        "PATCH",
        "/api/v1/admin/elections/{electionId}/status",
        name="election_status",
        access=Access.STAFF,
        body=ElectionStatusChange,
        answers={200: Election},
        refusals=[NotFound, WrongState, Taken],
    )
    async def change_status(self, request: Request, election_id: str) -> HTTPResponse:
        """Open an election for votes, also again after a pause, or close it: no vote commits after that answer."""
        by = actor_of(self._verifier, request)
        event_id = uuid_of(election_id, "event_id")
        wanted = json_body(request, ElectionStatusChange).status
        changed = await self._elections.change_status(by, event_id, ACTIONS[wanted], idempotency_key(request))
        return answer(election_of(changed))
