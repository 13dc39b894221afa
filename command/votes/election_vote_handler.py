"""POST /api/v1/votes: what elections say and answer; the vote itself is cast by vote_caster, as in /v1."""

from typing import Annotated

import msgspec
from sanic import HTTPResponse, Request

from command.votes.vote_caster import AcceptedVote, VoteCaster
from command.votes.vote_handler import VOTE_REFUSALS, refusals_counted
from contract.answer_text import Id, Time
from contract.challenge import PAYLOAD_CHARS_MAX
from contract.errors import InvalidField, NotFound, NotYours
from contract.moment import rfc3339
from contract.web.answering import answer, trace_of
from contract.web.call import call
from contract.web.client_address import address_of
from contract.web.request_content import GivenId, json_body, uuid_of
from contract.web.token_verifier import TokenVerifier

CAPTCHA_CHARS_MIN = 20


class ElectionVote(msgspec.Struct, rename="camel"):
    """A vote as a client sends it: the voter is the token's, and `userId`, if it is there, must be the same.

    `captchaToken` is always there, and looked at where the election asks for a captcha.
    """

    election_id: GivenId
    candidate_id: GivenId
    captcha_token: Annotated[str, msgspec.Meta(min_length=CAPTCHA_CHARS_MIN, max_length=PAYLOAD_CHARS_MAX)]
    user_id: GivenId | None = None


class VoteResult(msgspec.Struct, rename="camel"):
    """A vote that is durable."""

    vote_id: Id
    status: str
    accepted_at: Time


class ElectionVoteHandler:
    """Turns requests into votes and receipts into answers, in the words of elections."""

    def __init__(self, verifier: TokenVerifier, votes: VoteCaster) -> None:
        self._verifier = verifier
        self._votes = votes

    @call(
        "POST",
        "/api/v1/votes",
        name="election_vote",
        body=ElectionVote,
        answers={200: VoteResult},
        refusals=VOTE_REFUSALS,
    )
    async def submit(self, request: Request) -> HTTPResponse:
        """Cast a vote: 200 means that it is durable."""
        accepted = await refusals_counted(self._cast(request))
        return answer(VoteResult(accepted.vote_id, "accepted", rfc3339(accepted.accepted_at)))

    async def _cast(self, request: Request) -> AcceptedVote:
        caller = self._verifier.caller(request)
        vote = json_body(request, ElectionVote)
        if vote.user_id is not None and not caller.is_user(vote.user_id):
            raise NotYours
        event_id, contestant_id = uuid_of(vote.election_id, "event_id"), uuid_of(vote.candidate_id, "contestant_id")
        address, trace = address_of(request), trace_of(request).context
        try:
            return await self._votes.cast(caller, event_id, contestant_id, None, address, vote.captcha_token, trace)
        except NotFound as error:  # a body that names what isn't there is a bad one: this call has no 404
            raise InvalidField(error.message, field=error.field) from error
