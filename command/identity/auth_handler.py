"""The identity calls of the contract: register, login, refresh, validate, and the public keys.

What decides is elsewhere: limits in account_fields, right passwords in password_hasher, who is who in Postgres.
A 201 or a token is sent after the COMMIT that it stands on.
"""

import logging
import secrets
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from sanic import HTTPResponse, Request, Sanic

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
from contract.web.call import Access, documented
from contract.web.request_body import json_body
from contract.web.service import answer, trace_id
from contract.web.token_verifier import bearer_of

log = logging.getLogger(__name__)

NO_STORE = {"Cache-Control": "no-store"}
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

    user_id: UUID


class Session(msgspec.Struct):
    """What a client needs to act for a person; `expires_in` is the access token's, in seconds."""

    userId: UUID  # noqa: N815  # the contract's only name in this style
    token: str
    refresh_token: str
    expires_in: int


class WhoAmI(msgspec.Struct):
    """What a valid access token says."""

    user_id: UUID
    username: str
    roles: list[str]
    expires_at: datetime


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
        self._new_account = msgspec.json.Decoder(NewAccount)
        self._credentials = msgspec.json.Decoder(Credentials)
        self._renewal = msgspec.json.Decoder(Renewal)

    @documented(
        "Register a person",
        access=Access.CLIENT,
        body=NewAccount,
        answers={201: Registered},
        refusals=[NotFound, Taken],
    )
    async def register(self, request: Request) -> HTTPResponse:
        """POST /v1/auth/register: the same call again, its Bearer included, gets the same answer."""
        bearer = self._client(bearer_of(request))
        account = json_body(request, self._new_account)
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
        return answer({"user_id": str(user.user_id)}, 201)

    async def _register(self, new: Registration, password: str) -> User:
        password_hash = await self._hasher.hash(password)
        user = await self._store.register(new, password_hash, secrets.token_bytes(SEED_BYTES))
        if user is not None:
            return user
        earlier = await self._store.registered_alike(new)
        if earlier is None or not await self._hasher.verify(earlier.password_hash, password):
            raise Taken
        return earlier

    @documented(
        "Log in", access=Access.PUBLIC, body=Credentials, answers={200: Session}, refusals=[BadCredentials, Busy]
    )
    async def login(self, request: Request) -> HTTPResponse:
        """POST /v1/auth/login: an unknown name and a wrong password get the same answer after the same work."""
        given = json_body(request, self._credentials)
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

    @documented(
        "Get the next access token",
        access=Access.PUBLIC,
        body=Renewal,
        answers={200: Session},
        refusals=[Unauthorized, Busy],
    )
    async def refresh(self, request: Request) -> HTTPResponse:
        """POST /v1/auth/refresh: a token that was used up, seconds of grace aside, ends its family."""
        presented = parse_refresh_token(json_body(request, self._renewal).refresh_token)
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

    @documented("What the Bearer says", answers={200: WhoAmI})
    async def validate(self, request: Request) -> HTTPResponse:
        """GET /v1/auth/validate: what the Bearer says, if its person still exists."""
        try:
            caller = self._keys.caller(bearer_of(request))
        except UnknownKeyError as error:
            raise Unauthorized from error
        user = await self._store.by_id(caller.user_id)
        if user is None:
            raise Unauthorized
        who = {
            "user_id": caller.user_id,
            "username": user.username,
            "roles": sorted(caller.roles),
            "expires_at": rfc3339(from_unix_us(caller.expires_at * 1_000_000)),
        }
        return answer(who, headers=NO_STORE)

    @documented("The keys that verify access tokens", access=Access.PUBLIC, answers={200: KeyList})
    async def jwks(self, _request: Request) -> HTTPResponse:
        """GET /.well-known/jwks.json: the public keys that everybody else verifies tokens with."""
        return answer(self._key.jwks, headers=KEYS_MAY_BE_KEPT)

    def _client(self, token: str) -> Claims:
        try:
            return self._keys.claims(token, CLIENT_TYPE)
        except UnknownKeyError as error:
            raise Unauthorized from error

    def _session(self, user: User, refresh_token: RefreshToken) -> HTTPResponse:
        lifetime_s = self._signing.access_seconds
        session = {
            "userId": str(user.user_id),
            "token": self._mint.access(user.user_id, user.roles, user.voter_seed, lifetime_s),
            "refresh_token": refresh_token.text(),
            "expires_in": lifetime_s,
        }
        return answer(session, headers=NO_STORE)


def add_routes(app: Sanic[Any, Any], auth: AuthHandler) -> None:
    """Route each call of identity to its handler."""
    app.add_route(auth.register, "/v1/auth/register", methods=["POST"], name="auth_register")
    app.add_route(auth.login, "/v1/auth/login", methods=["POST"], name="auth_login")
    app.add_route(auth.refresh, "/v1/auth/refresh", methods=["POST"], name="auth_refresh")
    app.add_route(auth.validate, "/v1/auth/validate", name="auth_validate")
    app.add_route(auth.jwks, "/.well-known/jwks.json", name="jwks")
