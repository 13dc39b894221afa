"""GET /v1/event/{event_id}/vote/{user_id}, as /v1 says it; user_votes looks it up."""

import msgspec
from sanic import HTTPResponse, Request

from contract.answer_text import Id, Time
from contract.errors import NotFound, NotYours, WrongState
from contract.moment import rfc3339
from contract.web.answering import answer
from contract.web.call import call
from contract.web.request_content import uuid_of
from contract.web.token_verifier import TokenVerifier
from query.reads.user_votes import UserVotes


class UserVote(msgspec.Struct):
    """Whether a user has voted in an event; the last two are null without a vote, and for whoever isn't that user."""

    event_id: Id
    user_id: Id
    has_voted: bool
    vote_id: Id | None
    voted_at: Time | None


class UserVoteHandler:
    """Turns what is known of a user's vote into answers."""

    def __init__(self, verifier: TokenVerifier, votes: UserVotes) -> None:
        self._verifier = verifier
        self._votes = votes

    @call(
        "GET",
        "/v1/event/{event_id}/vote/{user_id}",
        name="user_vote",
        answers={200: UserVote},
        refusals=[NotFound, NotYours, WrongState],
    )
    async def vote(self, request: Request, event_id: str, user_id: str) -> HTTPResponse:
        """Whether a user has voted in an event."""
        caller = self._verifier.caller(request)
        user, event = uuid_of(user_id, "user_id"), uuid_of(event_id, "event_id")
        vote = await self._votes.find(caller, event, user)
        told = (vote.own.vote_id, rfc3339(vote.own.accepted_at)) if vote.own else (None, None)
        return answer(UserVote(str(event), str(user), vote.has_voted, *told))
