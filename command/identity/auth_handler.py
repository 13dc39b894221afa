"""The identity calls of the contract: register, login, refresh, validate, and the public keys.

What decides is elsewhere: limits in account_fields, right passwords in password_hasher, who is who in Postgres.
A 201 or a token is sent after the COMMIT that it stands on.
"""

import logging
import secrets
from typing import Annotated, Any

import msgspec
from sanic import HTTPResponse, Request

from command.identity import account_fields
from command.identity.account_store import AccountStore, Registration, User
from command.identity.password_hasher import PasswordHasher
from command.identity.refresh_token import RefreshToken, new_family, parse_refresh_token
from command.identity.settings import Signing
from command.identity.signing_key import SigningKey
from command.identity.token_mint import TokenMint
from contract.errors import BadCredentials, Busy, NotFound, Taken, Unauthorized
from contract.moment import from_unix_us, rfc3339
from contract.pseudonym import SEED_BYTES
from contract.tokens import CLIENT_TYPE, Claims, KeySet, SeedBox, UnknownKeyError
from contract.web.call import Access, Id, Time, call
from contract.web.request_content import json_body
from contract.web.service import answer, trace_id
from contract.web.token_verifier import bearer_of

log = logging.getLogger(__name__)

KEYS_MAY_BE_KEPT = {"Cache-Control": "public, max-age=300"}


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


class Credentials(msgspec.Struct):
    """What a person gives to log in."""

    username: str
    password: Annotated[str, _described(format="password")]


class Renewal(msgspec.Struct):
    """What a client gives to get its next access token."""

    refresh_token: str


class Registered(msgspec.Struct):
    """A new person."""

    user_id: Id


class Session(msgspec.Struct):
    """What a client needs to act for a person; `expires_in` is the access token's, in seconds."""

    userId: Id  # noqa: N815  # the contract's only name in this style
    token: str
    refresh_token: str
    expires_in: int


class WhoAmI(msgspec.Struct):
    """What a valid access token says."""

    user_id: Id
    username: str
    roles: list[str]
    expires_at: Time


class KeyList(msgspec.Struct):
    """Public keys as in RFC 7517."""

    keys: list[dict[str, str]]


class AuthHandler:
    """Turns requests into accounts, sessions and tokens."""

    def __init__(self, store: AccountStore, hasher: PasswordHasher, key: SigningKey, signing: Signing) -> None:
        self._store = store
        self._hasher = hasher
        self._key = key
        self._signing = signing
        self._mint = TokenMint(key, SeedBox(signing.seed_key))
        self._keys = KeySet()
        self._keys.replace(key.jwks)

    @call(
        "POST",
        "/v1/auth/register",
        name="auth_register",
        access=Access.CLIENT,
        body=NewAccount,
        answers={201: Registered},
        refusals=[NotFound, Taken],
    )
    async def register(self, request: Request) -> HTTPResponse:
        """Register a person.

        The same call again, its Bearer included, gets the same answer.
        """
        bearer = self._client(bearer_of(request))
        account = json_body(request, NewAccount)
        new = Registration(
            account_fields.check_username(account.username),
            account_fields.check_email(account.email),
            account_fields.check_date_of_birth(account.date_of_birth),
            registered_with=bearer.jti,
        )
        password = account_fields.check_password(account.password)
        if not await self._store.may_register(bearer.sub):
            raise NotFound("the token's application no longer exists")
        user = await self._register(new, password)
        return answer(Registered(str(user.user_id)), 201)

    async def _register(self, new: Registration, password: str) -> User:
        password_hash = await self._hasher.hash(password)
        user = await self._store.register(new, password_hash, secrets.token_bytes(SEED_BYTES))
        if user is not None:
            return user
        earlier = await self._store.registered_alike(new)
        if earlier is None or not await self._hasher.verify(earlier.password_hash, password):
            raise Taken
        return earlier

    @call(
        "POST",
        "/v1/auth/login",
        name="auth_login",
        access=Access.PUBLIC,
        body=Credentials,
        answers={200: Session},
        refusals=[BadCredentials, Busy],
    )
    async def login(self, request: Request) -> HTTPResponse:
        """Log in.

        An unknown name and a wrong password get the same answer after the same work.
        """
        given = json_body(request, Credentials)
        username = account_fields.normal_username(given.username)
        user = await self._store.by_username(username.replace("\0", "\N{REPLACEMENT CHARACTER}"))
        right = await self._hasher.verify(
            user.password_hash if user else None, account_fields.normal_password(given.password)
        )
        if user is None or not right:
            log.info("login refused", extra={"user_id": user and user.user_id, "trace_id": trace_id(request)})
            raise BadCredentials
        first = new_family()
        await self._store.start_session(user.user_id, first, self._signing.refresh_seconds)
        log.info("login", extra={"user_id": user.user_id, "trace_id": trace_id(request)})
        return self._session(user, first)

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
        presented = parse_refresh_token(json_body(request, Renewal).refresh_token)
        if presented is None:
            raise Unauthorized("the refresh token is not valid")
        following = presented.successor(self._key)
        user = await self._store.rotate_session(presented, following, self._signing.refresh_seconds)
        if user is None:
            revoked = await self._store.revoke_session(presented.session_id)
            if revoked:
                log.warning("refresh token reused", extra={"user_id": revoked, "trace_id": trace_id(request)})
            raise Unauthorized("the refresh token is not valid")
        log.info("refresh", extra={"user_id": user.user_id, "trace_id": trace_id(request)})
        return self._session(user, following)

    @call("GET", "/v1/auth/validate", name="auth_validate", answers={200: WhoAmI})
    async def validate(self, request: Request) -> HTTPResponse:
        """What the Bearer says, if its person still exists."""
        try:
            caller = self._keys.caller(bearer_of(request))
        except UnknownKeyError as error:
            raise Unauthorized from error
        user = await self._store.by_id(caller.user_id)
        if user is None:
            raise Unauthorized
        expires_at = rfc3339(from_unix_us(caller.expires_at * 1_000_000))
        return answer(WhoAmI(caller.user_id, user.username, sorted(caller.roles), expires_at))

    @call("GET", "/.well-known/jwks.json", name="jwks", access=Access.PUBLIC, answers={200: KeyList})
    async def jwks(self, _request: Request) -> HTTPResponse:
        """The keys that verify access tokens."""
        return answer(KeyList(self._key.jwks["keys"]), headers=KEYS_MAY_BE_KEPT)

    def _client(self, token: str) -> Claims:
        try:
            return self._keys.claims(token, CLIENT_TYPE)
        except UnknownKeyError as error:
            raise Unauthorized from error

    def _session(self, user: User, refresh_token: RefreshToken) -> HTTPResponse:
        lifetime_s = self._signing.access_seconds
        token = self._mint.access(user.user_id, user.roles, user.voter_seed, lifetime_s)
        return answer(Session(str(user.user_id), token, refresh_token.text(), lifetime_s))
