"""The calls about accounts, as /v1 says them: register, and who a token names; what they do is in accounts."""

from typing import Annotated, Any

import msgspec
from sanic import HTTPResponse, Request

from command.identity import account_fields
from command.identity.accounts import Accounts, NewPerson
from command.identity.own_token_verifier import OwnTokenVerifier
from command.identity.signed_in import SignedIn
from contract.answer_text import Id, Time
from contract.errors import NotFound, Taken, TooMany
from contract.moment import from_unix_us, rfc3339
from contract.web.answering import answer
from contract.web.call import Access, call
from contract.web.client_address import address_of
from contract.web.request_content import json_body
from contract.web.token_verifier import bearer_of


def _described(**json_schema: Any) -> msgspec.Meta:
    """What the documentation says of a field; it is checked in account_fields, on the normal form."""
    return msgspec.Meta(extra_json_schema=json_schema)


class NewAccount(msgspec.Struct):
    """What a person gives to register."""

    username: Annotated[
        str, _described(minLength=account_fields.USERNAME_CHARS[0], maxLength=account_fields.USERNAME_CHARS[1])
    ]
    email: Annotated[str, _described(format="email", maxLength=account_fields.EMAIL_CHARS_MAX)]
    date_of_birth: Annotated[str, _described(format="date")]
    password: Annotated[
        str,
        _described(
            format="password",
            minLength=account_fields.PASSWORD_CHARS[0],
            maxLength=account_fields.PASSWORD_CHARS[1],
        ),
    ]


class Registered(msgspec.Struct):
    """A new person."""

    user_id: Id


class WhoAmI(msgspec.Struct):
    """What a valid access token says."""

    user_id: Id
    username: str
    roles: list[str]
    expires_at: Time


class AccountHandler:
    """Turns requests into accounts, and what is known of a caller into answers."""

    def __init__(self, verifier: OwnTokenVerifier, signed_in: SignedIn, accounts: Accounts) -> None:
        self._verifier = verifier
        self._signed_in = signed_in
        self._accounts = accounts

    @call(
        "POST",
        "/v1/auth/register",
        name="auth_register",
        access=Access.CLIENT,
        body=NewAccount,
        answers={201: Registered},
        refusals=[NotFound, Taken, TooMany],
    )
    async def register(self, request: Request) -> HTTPResponse:
        """Register a person.

        The same call again, its Bearer included, gets the same answer. A solved challenge's Bearer is for one person.
        """
        registrar = self._verifier.registrar(bearer_of(request))
        new = json_body(request, NewAccount)
        person = NewPerson(new.username, new.email, new.date_of_birth, new.password)
        user_id = await self._accounts.register(registrar, person, address_of(request))
        return answer(Registered(str(user_id)), 201)

    @call("GET", "/v1/auth/validate", name="auth_validate", answers={200: WhoAmI})
    async def validate(self, request: Request) -> HTTPResponse:
        """What the Bearer says, if its person still exists."""
        caller = await self._signed_in.caller(request)
        user = await self._accounts.find(caller)
        expires_at = rfc3339(from_unix_us(caller.expires_at * 1_000_000))
        return answer(WhoAmI(caller.user_id, user.username, sorted(caller.roles), expires_at))
