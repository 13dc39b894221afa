"""GET /v1/vote/{vote_id}/status, as /v1 says it; vote_tracker finds it out."""

import msgspec
from sanic import HTTPResponse, Request

from contract.answer_text import Id
from contract.errors import NotFound, WrongState
from contract.web.answering import answer
from contract.web.call import call
from contract.web.request_content import uuid_of
from contract.web.token_verifier import TokenVerifier
from query.reads.vote_tracker import VoteTracker


class VoteStatus(msgspec.Struct):
    """What became of a vote: `acked`, `processed`, `duplicate` or `rejected`."""

    vote_id: Id
    vote_status: str
    event_id: Id
    event_name: str


class VoteStatusHandler:
    """Turns what the tracker knows into answers."""

    def __init__(self, verifier: TokenVerifier, votes: VoteTracker) -> None:
        self._verifier = verifier
        self._votes = votes

    @call(
        "GET",
        "/v1/vote/{vote_id}/status",
        name="vote_status",
        answers={200: VoteStatus},
        refusals=[NotFound, WrongState],
    )
    async def status(self, request: Request, vote_id: str) -> HTTPResponse:
        """What became of a vote."""
        caller = self._verifier.caller(request)
        asked = uuid_of(vote_id, "vote_id")
        state = await self._votes.status(caller, asked)
        return answer(VoteStatus(str(asked), state.progress.value, state.event_id, state.event_name))
