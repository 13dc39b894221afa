"""The calls about challenges, as /v1 says them; what they do is in challenges."""

from typing import Annotated

import msgspec
from sanic import HTTPResponse, Request

from command.identity.challenges import Challenges
from command.identity.own_token_verifier import OwnTokenVerifier
from contract.challenge import PAYLOAD_CHARS_MAX, Aim, Challenge, Purpose
from contract.errors import Busy, ChallengeInvalid, MissingField, NotDurable, TooMany
from contract.web.answering import answer
from contract.web.call import Access, call
from contract.web.client_address import address_of
from contract.web.request_content import GivenId, json_body
from contract.web.token_verifier import bearer_of


class WantedChallenge(msgspec.Struct):
    """What the challenge is to be solved for; `event_id` is for a vote, and needed there.

    A vote's is bound to the event and to the voter, whose access token comes with this call. Its solution may come
    several times: from the same voter in the same event it is the same vote again. Others are taken once.
    """

    purpose: Purpose = "register"
    event_id: GivenId | None = None


class Solution(msgspec.Struct):
    """What ALTCHA's widget sends for a solved challenge: base64 of JSON."""

    payload: Annotated[str, msgspec.Meta(max_length=PAYLOAD_CHARS_MAX)]


class RegistrationToken(msgspec.Struct):
    """A Bearer with which one person may register, within so many seconds."""

    token: str
    expires_in: int


class ChallengeHandler:
    """Turns requests into challenges, and solutions into tokens."""

    def __init__(self, verifier: OwnTokenVerifier, challenges: Challenges) -> None:
        self._verifier = verifier
        self._challenges = challenges

    @call(
        "POST",
        "/v1/auth/challenge",
        name="auth_challenge",
        access=Access.VOTER,
        body=WantedChallenge,
        answers={200: Challenge},
        refusals=[TooMany],
    )
    async def challenge(self, request: Request) -> HTTPResponse:
        """Get a challenge to solve before registering, logging in or voting.

        An empty body asks for one to register.
        """
        wanted = json_body(request, WantedChallenge) if request.body else WantedChallenge()
        return answer(self._challenges.hand_out(self._aim(request, wanted), address_of(request)))

    @call(
        "POST",
        "/v1/auth/challenge/solution",
        name="auth_challenge_solution",
        access=Access.PUBLIC,
        body=Solution,
        answers={200: RegistrationToken},
        refusals=[ChallengeInvalid, Busy, NotDurable],
    )
    async def solution(self, request: Request) -> HTTPResponse:
        """Get a token to register with for a solved challenge, once.

        A challenge that is wrong, expired, used or for something else is one to solve anew.
        """
        given = json_body(request, Solution)
        solved = await self._challenges.exchange(given.payload)
        return answer(RegistrationToken(solved.token, solved.lifetime_s))

    def _aim(self, request: Request, wanted: WantedChallenge) -> Aim:
        if wanted.purpose != "vote":
            return Aim(wanted.purpose)
        caller = self._verifier.caller(bearer_of(request))  # whether it was revoked is looked at when the vote comes
        if wanted.event_id is None:
            raise MissingField("event_id is missing", field="event_id")
        return Aim("vote", wanted.event_id.lower(), caller.user_id)
