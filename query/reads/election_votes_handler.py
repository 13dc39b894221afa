"""Whether a user has voted in an election, as /api/v1 asks it in two ways; user_votes looks it up."""

import uuid

import msgspec
from sanic import HTTPResponse, Request

from contract.answer_text import Id, Time
from contract.errors import MissingField, NotFound, NotYours, WrongState
from contract.moment import rfc3339
from contract.web.answering import answer
from contract.web.call import call
from contract.web.request_content import parameter_of, uuid_of
from contract.web.token_verifier import TokenVerifier
from query.reads.user_votes import UserVotes


class ElectionVoteStatus(msgspec.Struct, rename="camel", omit_defaults=True):
    """Whether a user has voted in an election; the last two are there if so, and if it is that user who asks."""

    election_id: Id
    user_id: Id
    has_voted: bool
    vote_id: Id | msgspec.UnsetType = msgspec.UNSET
    timestamp: Time | msgspec.UnsetType = msgspec.UNSET


class ElectionVotesHandler:
    """Turns what is known of a user's vote into answers, in the words of elections."""

    def __init__(self, verifier: TokenVerifier, votes: UserVotes) -> None:
        self._verifier = verifier
        self._votes = votes

    @call(
        "GET",
        "/api/v1/votes/status/{electionId}/{userId}",
        name="election_vote_status",
        answers={200: ElectionVoteStatus},
        refusals=[NotFound, NotYours, WrongState],
    )
    async def status(self, request: Request, election_id: str, user_id: str) -> HTTPResponse:
        """Whether a user has voted in an election."""
        return await self._answer(request, election_id, user_id)

    @call(
        "GET",
        "/api/v1/votes/status/{userId}",
        name="election_vote_status_of_user",
        query={"electionId": uuid.UUID},
        answers={200: ElectionVoteStatus},
        refusals=[MissingField, NotFound, NotYours, WrongState],
    )
    async def status_of_user(self, request: Request, user_id: str) -> HTTPResponse:
        """The same, the election named by a parameter that has to be there."""
        return await self._answer(request, parameter_of(request, "electionId"), user_id)

    async def _answer(self, request: Request, election_id: str | None, user_id: str) -> HTTPResponse:
        caller = self._verifier.caller(request)
        if election_id is None:
            raise MissingField("electionId is missing", field="electionId")
        user, event = uuid_of(user_id, "user_id"), uuid_of(election_id, "event_id")
        vote = await self._votes.find(caller, event, user)
        told = (vote.own.vote_id, rfc3339(vote.own.accepted_at)) if vote.own else (msgspec.UNSET, msgspec.UNSET)
        return answer(ElectionVoteStatus(str(event), str(user), vote.has_voted, *told))
