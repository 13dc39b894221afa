"""Candidates of elections, as /api/v1 says them; what the calls do is in election_changes and event_editing."""

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType
from sanic import HTTPResponse, Request

from command.events.election_changes import ElectionChanges
from command.events.election_views import Candidate, Title, candidate_of
from command.events.event_draft import ImageUrl, NewContestant
from command.events.event_edit import ContestantEdit
from command.events.event_editing import EventEditing
from command.events.event_handler import actor_of
from contract.errors import NotFound, WrongState
from contract.visible_text import NO_NUL
from contract.web.answering import answer
from contract.web.call import Access, call
from contract.web.request_content import json_body, uuid_of
from contract.web.token_verifier import TokenVerifier

Party = Annotated[str, msgspec.Meta(max_length=100, pattern=NO_NUL)]


class NewCandidate(msgspec.Struct, rename="camel"):
    """A candidate as staff enter it; `party` may be empty."""

    name: Title
    party: Party
    photo_url: ImageUrl = ""


class CandidateEdit(msgspec.Struct, rename="camel"):
    """What is to change of a candidate; what isn't named stays."""

    name: Title | UnsetType = UNSET
    party: Party | UnsetType = UNSET
    photo_url: ImageUrl | UnsetType = UNSET


class CandidateHandler:
    """Turns requests of staff into changes of contestants."""

    def __init__(self, verifier: TokenVerifier, elections: ElectionChanges, editing: EventEditing) -> None:
        self._verifier = verifier
        self._elections = elections
        self._editing = editing

    @call(
        "POST",
        "/api/v1/admin/elections/{electionId}/candidates",
        name="candidate_add",
        access=Access.STAFF,
        body=NewCandidate,
        answers={201: Candidate},
        refusals=[NotFound, WrongState],
    )
    async def add_candidate(self, request: Request, election_id: str) -> HTTPResponse:
        """Add a candidate to an election that has not opened yet."""
        by = actor_of(self._verifier, request)
        event_id = uuid_of(election_id, "event_id")
        new = json_body(request, NewCandidate)
        contestant = NewContestant(new.name, "", new.photo_url, new.party or None)
        return answer(candidate_of(event_id, await self._elections.add_contestant(by, event_id, contestant)), 201)

    @call(
        "PUT",
        "/api/v1/admin/elections/{electionId}/candidates/{candidateId}",
        name="candidate_edit",
        access=Access.STAFF,
        body=CandidateEdit,
        answers={200: Candidate},
        refusals=[NotFound, WrongState],
    )
    async def edit_candidate(self, request: Request, election_id: str, candidate_id: str) -> HTTPResponse:
        """Change a candidate of an election that has not opened yet."""
        by = actor_of(self._verifier, request)
        event_id, contestant_id = uuid_of(election_id, "event_id"), uuid_of(candidate_id, "contestant_id")
        given = json_body(request, CandidateEdit)
        party = UNSET if given.party is UNSET else given.party or None
        edit = ContestantEdit(contestant_name=given.name, contestant_image_url=given.photo_url, party=party)
        edited = await self._elections.edit_contestant(by, event_id, contestant_id, edit)
        return answer(candidate_of(event_id, edited))

    @call(
        "DELETE",
        "/api/v1/admin/elections/{electionId}/candidates/{candidateId}",
        name="candidate_remove",
        access=Access.STAFF,
        answers={204: None},
        refusals=[NotFound, WrongState],
    )
    async def remove_candidate(self, request: Request, election_id: str, candidate_id: str) -> HTTPResponse:
        """Take a candidate out of an election that has not opened yet."""
        by = actor_of(self._verifier, request)
        event_id, contestant_id = uuid_of(election_id, "event_id"), uuid_of(candidate_id, "contestant_id")
        await self._editing.remove_contestant(by, event_id, contestant_id)
        return HTTPResponse(status=204)
