"""The calls about sessions, as /v1 says them: log in, refresh; what they do is in sessions."""

from typing import Annotated

import msgspec
from sanic import HTTPResponse, Request

from command.identity.one_time_codes import CODE_CHARS_MAX
from command.identity.sessions import Credentials, IssuedTokens, Sessions
from contract.answer_text import Id
from contract.challenge import PAYLOAD_CHARS_MAX
from contract.errors import BadCredentials, Busy, ChallengeInvalid, NotDurable, TooMany, Unauthorized
from contract.web.answering import answer, trace_id
from contract.web.call import Access, call
from contract.web.client_address import address_of
from contract.web.request_content import json_body

DEVICE_CHARS_MAX = 200


class Login(msgspec.Struct):
    """What a person gives to log in.

    `code` is of the person's app, or a recovery code: who is of the staff may need it to have their roles, or a passkey
    afterwards. `challenge` is the solved payload of a `login` challenge: it lets an owner in whose account others have
    driven into its limit. Each is taken once.
    """

    username: str
    password: Annotated[str, msgspec.Meta(extra_json_schema={"format": "password"})]
    code: Annotated[str, msgspec.Meta(max_length=CODE_CHARS_MAX)] | None = None
    challenge: Annotated[str, msgspec.Meta(max_length=PAYLOAD_CHARS_MAX)] | None = None


class Renewal(msgspec.Struct):
    """What a client gives to get its next access token."""

    refresh_token: str


class Session(msgspec.Struct):
    """What a client needs to act for a person; `expires_in` is the access token's, in seconds.

    A person has 20 sessions at most: a login beyond them ends the one that was unused for longest. A refresh token that
    was used gets the newest one for 10 more seconds; after that its use ends the session.
    `second_factor`: none (nothing is asked), shown, or why the token says no role of staff: needed (show one, then
    refresh), missing (set one up).
    """

    userId: Id  # noqa: N815  # the contract's only name in this style
    token: str
    refresh_token: str
    expires_in: int
    second_factor: str


class SessionHandler:
    """Turns requests into sessions, and their tokens into answers."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @call(
        "POST",
        "/v1/auth/login",
        name="auth_login",
        access=Access.PUBLIC,
        body=Login,
        answers={200: Session},
        refusals=[ChallengeInvalid, BadCredentials, TooMany, Busy, NotDurable],
    )
    async def login(self, request: Request) -> HTTPResponse:
        """Log in.

        An unknown name and a wrong password get the same answer after the same work.
        """
        given = json_body(request, Login)
        credentials = Credentials(given.username, given.password, given.code, given.challenge)
        issued = await self._sessions.login(credentials, address_of(request), device_of(request), trace_id(request))
        return session_answer(issued)

    @call(
        "POST",
        "/v1/auth/refresh",
        name="auth_refresh",
        access=Access.PUBLIC,
        body=Renewal,
        answers={200: Session},
        refusals=[Unauthorized, Busy],
    )
    async def refresh(self, request: Request) -> HTTPResponse:
        """Get the next access token.

        A token that was used up, seconds of grace aside, ends its family.
        """
        given = json_body(request, Renewal)
        return session_answer(await self._sessions.refresh(given.refresh_token, trace_id(request)))


def device_of(request: Request) -> str:
    """What the client says it is, as its owner will see it in the list of sessions."""
    said = request.headers.get("user-agent", "")
    return "".join(char for char in said if char.isprintable())[:DEVICE_CHARS_MAX]


def session_answer(issued: IssuedTokens) -> HTTPResponse:
    """What a login answers, in whatever way it was made."""
    tokens = (issued.access_token, issued.refresh_token, issued.lifetime_s)
    return answer(Session(str(issued.user_id), *tokens, issued.second_factor.value))
