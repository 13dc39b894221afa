"""POST /v1/vote/submit: what /v1 says and answers; the vote itself is cast by vote_caster. 200 means: committed."""

from collections.abc import Awaitable
from typing import Annotated

import msgspec
from prometheus_client import Counter
from sanic import HTTPResponse, Request

from command.votes.vote_caster import AcceptedVote, VoteCaster
from contract import metric_names
from contract.answer_text import Id, Time
from contract.challenge import PAYLOAD_CHARS_MAX
from contract.errors import (
    AlreadyVoted,
    Busy,
    CaptchaInvalid,
    CaptchaRequired,
    ContractError,
    EventNotOpen,
    Forbidden,
    NotDurable,
    NotFound,
    NotYours,
    Refused,
    TooMany,
)
from contract.moment import rfc3339
from contract.web.answering import answer, trace_of
from contract.web.call import call
from contract.web.client_address import address_of
from contract.web.request_content import GivenId, json_body, uuid_of
from contract.web.token_verifier import TokenVerifier

REFUSALS = Counter(metric_names.REFUSALS, "Votes that were not accepted, by the answer's error code", ["reason"])

# Whatever dialect a vote is cast in.
VOTE_REFUSALS = (
    CaptchaRequired,
    CaptchaInvalid,
    NotYours,
    Refused,
    Forbidden,
    AlreadyVoted,
    EventNotOpen,
    TooMany,
    Busy,
    NotDurable,
)

# Not read: whatever a phone's clock says, and however it spells it, never costs a vote.
ClientTime = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "string", "format": "date-time"})]


class VoteMeta(msgspec.Struct):
    """What the client tells of itself."""

    device_id: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    app_version: Annotated[str, msgspec.Meta(max_length=100)] | None = None


CaptchaToken = Annotated[str, msgspec.Meta(max_length=PAYLOAD_CHARS_MAX)]


class VoteRequest(msgspec.Struct):
    """A vote as a client sends it; `captcha_token` is needed where the event says `captcha`, or the answer asks for it.

    It is the solved payload of a `vote` challenge of this voter for this event, which may be sent again with the vote,
    or the token of the provider that the show uses.
    """

    user_id: GivenId
    event_id: GivenId
    contestant_id: GivenId
    client_timestamp: ClientTime = msgspec.field(default_factory=msgspec.Raw)
    meta: VoteMeta | None = None
    captcha_token: CaptchaToken | None = None


class VoteAck(msgspec.Struct):
    """A vote that is durable."""

    vote_id: Id
    vote_status: str
    accepted_at: Time


class VoteHandler:
    """Turns requests into votes and receipts into answers."""

    def __init__(self, verifier: TokenVerifier, votes: VoteCaster) -> None:
        self._verifier = verifier
        self._votes = votes

    @call(
        "POST",
        "/v1/vote/submit",
        name="vote_submit",
        body=VoteRequest,
        answers={200: VoteAck},
        refusals=[*VOTE_REFUSALS, NotFound],
    )
    async def submit(self, request: Request) -> HTTPResponse:
        """Cast a vote: 200 means that it is durable."""
        accepted = await refusals_counted(self._cast(request))
        return answer(VoteAck(accepted.vote_id, "acked", rfc3339(accepted.accepted_at)))

    async def _cast(self, request: Request) -> AcceptedVote:
        caller = self._verifier.caller(request)
        vote = json_body(request, VoteRequest)
        if not caller.is_user(vote.user_id):
            raise NotYours
        device_id = vote.meta.device_id if vote.meta else None
        event_id, contestant_id = uuid_of(vote.event_id, "event_id"), uuid_of(vote.contestant_id, "contestant_id")
        return await self._votes.cast(
            caller,
            event_id,
            contestant_id,
            device_id,
            address_of(request),
            vote.captcha_token,
            trace_of(request).context,
        )


async def refusals_counted(casting: Awaitable[AcceptedVote]) -> AcceptedVote:
    """The vote; counts a refusal, whichever dialect it is said in. Its time is measured as of any answer."""
    try:
        return await casting
    except ContractError as refusal:
        REFUSALS.labels(refusal.code).inc()
        raise
