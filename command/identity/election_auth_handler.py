"""The calls about accounts and sessions as /api/v1 says them; what they do is in accounts, sessions, session_list."""

from typing import Annotated

import msgspec
from sanic import HTTPResponse, Request

from command.identity.accounts import Accounts, NewPerson
from command.identity.one_time_codes import CODE_CHARS_MAX
from command.identity.own_token_verifier import OwnTokenVerifier
from command.identity.session_handler import device_of
from command.identity.session_list import SessionList
from command.identity.sessions import Credentials, IssuedTokens, Sessions
from command.identity.signed_in import SignedIn
from contract.answer_text import Id, Time
from contract.challenge import PAYLOAD_CHARS_MAX
from contract.errors import BadCredentials, Busy, ChallengeInvalid, NotDurable, NotFound, Taken, TooMany, Unauthorized
from contract.moment import from_unix_us, rfc3339
from contract.web.answering import answer, trace_id
from contract.web.call import Access, call
from contract.web.client_address import address_of
from contract.web.request_content import json_body
from contract.web.token_verifier import bearer_of

Password = Annotated[str, msgspec.Meta(extra_json_schema={"format": "password"})]


class ElectionLogin(msgspec.Struct, rename="camel"):
    """What a person gives to log in; `code` and `challenge` as in /v1."""

    username: str
    password: Password
    code: Annotated[str, msgspec.Meta(max_length=CODE_CHARS_MAX)] | None = None
    challenge: Annotated[str, msgspec.Meta(max_length=PAYLOAD_CHARS_MAX)] | None = None


class ElectionAccount(msgspec.Struct, rename="camel"):
    """What a person gives to register; limits as in /v1."""

    username: str
    email: Annotated[str, msgspec.Meta(extra_json_schema={"format": "email"})]
    date_of_birth: Annotated[str, msgspec.Meta(extra_json_schema={"format": "date"})]
    password: Password


class ElectionRenewal(msgspec.Struct, rename="camel"):
    """What a client gives to get its next access token."""

    refresh_token: str


class ElectionSession(msgspec.Struct, rename="camel"):
    """What a client needs to act for a person; `expiresIn` is the access token's, in seconds."""

    user_id: Id
    token: str
    refresh_token: str
    expires_in: int
    second_factor: str


class ElectionPerson(msgspec.Struct, rename="camel"):
    """A new person."""

    user_id: Id


class ElectionIdentity(msgspec.Struct, rename="camel"):
    """What a valid access token says."""

    user_id: Id
    username: str
    roles: list[str]
    expires_at: Time


class ElectionAuthHandler:
    """Turns requests into accounts and sessions, in the words of elections."""

    def __init__(
        self,
        verifier: OwnTokenVerifier,
        signed_in: SignedIn,
        accounts: Accounts,
        sessions: Sessions,
        session_list: SessionList,
    ) -> None:
        self._verifier = verifier
        self._signed_in = signed_in
        self._accounts = accounts
        self._sessions = sessions
        self._session_list = session_list

    @call(
        "POST",
        "/api/v1/auth/login",
        name="election_login",
        access=Access.PUBLIC,
        body=ElectionLogin,
        answers={200: ElectionSession},
        refusals=[ChallengeInvalid, BadCredentials, TooMany, Busy, NotDurable],
    )
    async def login(self, request: Request) -> HTTPResponse:
        """Log in."""
        given = json_body(request, ElectionLogin)
        credentials = Credentials(given.username, given.password, given.code, given.challenge)
        issued = await self._sessions.login(credentials, address_of(request), device_of(request), trace_id(request))
        return _session(issued)

    @call(
        "POST",
        "/api/v1/auth/refresh",
        name="election_refresh",
        access=Access.PUBLIC,
        body=ElectionRenewal,
        answers={200: ElectionSession},
        refusals=[Unauthorized, Busy],
    )
    async def refresh(self, request: Request) -> HTTPResponse:
        """Get the next access token."""
        given = json_body(request, ElectionRenewal)
        return _session(await self._sessions.refresh(given.refresh_token, trace_id(request)))

    @call(
        "POST",
        "/api/v1/auth/register",
        name="election_register",
        access=Access.CLIENT,
        body=ElectionAccount,
        answers={201: ElectionPerson},
        refusals=[NotFound, Taken, TooMany],
    )
    async def register(self, request: Request) -> HTTPResponse:
        """Register a person."""
        registrar = self._verifier.registrar(bearer_of(request))
        new = json_body(request, ElectionAccount)
        person = NewPerson(new.username, new.email, new.date_of_birth, new.password)
        user_id = await self._accounts.register(registrar, person, address_of(request))
        return answer(ElectionPerson(str(user_id)), 201)

    @call("POST", "/api/v1/auth/logout", name="election_logout", answers={204: None})
    async def logout(self, request: Request) -> HTTPResponse:
        """Log out: token and session are dead everywhere within two seconds."""
        caller = await self._signed_in.caller(request)
        await self._session_list.log_out(caller, trace_id(request))
        return HTTPResponse(status=204)

    @call("GET", "/api/v1/auth/validate", name="election_validate", answers={200: ElectionIdentity})
    async def validate(self, request: Request) -> HTTPResponse:
        """What the Bearer says, if its person still exists."""
        caller = await self._signed_in.caller(request)
        user = await self._accounts.find(caller)
        expires_at = rfc3339(from_unix_us(caller.expires_at * 1_000_000))
        return answer(ElectionIdentity(caller.user_id, user.username, sorted(caller.roles), expires_at))


def _session(issued: IssuedTokens) -> HTTPResponse:
    tokens = (issued.access_token, issued.refresh_token, issued.lifetime_s)
    return answer(ElectionSession(str(issued.user_id), *tokens, issued.second_factor.value))
