"""Sessions: the use cases of logging in and of getting the next access token, whatever dialect they are asked in.

    login ──► family of refresh tokens ──refresh──► its next one ──► …      a used one again: the family ends

A token is given after the COMMIT that it stands on.
"""

import logging
from typing import NamedTuple
from uuid import UUID

from command.identity import account_fields
from command.identity.account_store import AccountStore, User
from command.identity.attempt_limits import AttemptLimits
from command.identity.challenges import Challenges
from command.identity.password_hasher import PasswordHasher
from command.identity.refresh_token import RefreshToken, new_family, parse_refresh_token
from command.identity.settings import Signing
from command.identity.token_mint import TokenMint
from contract.assurance import Assurance, assurance_of
from contract.challenge import Aim
from contract.errors import BadCredentials, Unauthorized

LOGIN = Aim("login")
GRACE_ROTATIONS_MAX = 8  # so many may follow on a token while it still has its grace

log = logging.getLogger(__name__)


class IssuedTokens(NamedTuple):
    """What a client needs to act for a person; `lifetime_s` is the access token's."""

    user_id: UUID
    access_token: str
    refresh_token: str
    lifetime_s: int


class Sessions:
    """Starts and renews sessions, and issues their tokens."""

    def __init__(
        self,
        store: AccountStore,
        hasher: PasswordHasher,
        mint: TokenMint,
        signing: Signing,
        limits: AttemptLimits,
        challenges: Challenges,
    ) -> None:
        self._limits = limits
        self._challenges = challenges
        self._store = store
        self._hasher = hasher
        self._signing = signing
        self._mint = mint

    async def login(
        self, username: str, password: str, address: str, device: str, trace_id: str, *, challenge: str | None = None
    ) -> IssuedTokens:
        """Start a session; for an unknown name and a wrong password the same `BadCredentials` after the same work.

        `TooMany`; a solved `login` challenge lets in past the account's own limit, else it is `ChallengeInvalid`.
        """
        name = account_fields.normal_username(username).replace("\0", "\N{REPLACEMENT CHARACTER}")
        if challenge is not None:
            await self._challenges.spend(challenge, LOGIN)
        await self._limits.login(name, address, with_challenge=challenge is not None)
        user = await self._with_password(name, password, address, trace_id)
        await self._limits.forgive(name)
        return await self._start(user, device, trace_id)

    async def refresh(self, refresh_token: str, trace_id: str) -> IssuedTokens:
        """Renew a session; `Unauthorized`. A token that was used up, seconds of grace aside, ends its family."""
        presented = parse_refresh_token(refresh_token)
        if presented is None:
            raise Unauthorized("the refresh token is not valid")
        following = presented.following(self._signing.refresh_key, GRACE_ROTATIONS_MAX)
        user = await self._store.rotate_session(presented, following, self._signing.refresh_seconds)
        if user is None:
            revoked = await self._store.revoke_session(presented.session_id)
            if revoked:
                log.warning("refresh token reused", extra={"user_id": revoked, "trace_id": trace_id})
            raise Unauthorized("the refresh token is not valid")
        log.info("refresh", extra={"user_id": user.user_id, "trace_id": trace_id})
        return self.issue(user, following[user.steps - 1], assurance_of(user.assurance))

    async def _with_password(self, name: str, password: str, address: str, trace_id: str) -> User:
        """Who has this name, in normal form, and this password."""
        async with self._hasher.turn(address):
            user = await self._store.by_username(name)
            right = await self._hasher.verify(
                user.password_hash if user else None, account_fields.normal_password(password)
            )
        if user is None or not right:
            log.info("login refused", extra={"user_id": user and user.user_id, "trace_id": trace_id})
            raise BadCredentials
        return user

    async def _start(self, user: User, device: str, trace_id: str) -> IssuedTokens:
        """A new session of a person who has shown who they are."""
        first = new_family()
        started = await self._store.start_session(user.user_id, first, self._signing.refresh_seconds, device)
        log.info("login", extra={"user_id": user.user_id, "trace_id": trace_id, "sessions_ended": started.ended})
        return self.issue(user, first, assurance_of(started.assurance))

    def issue(self, user: User, refresh_token: RefreshToken, assurance: Assurance) -> IssuedTokens:
        """The tokens of a session that is stored."""
        lifetime_s = self._signing.access_seconds
        access_token = self._mint.access(user, refresh_token.session_id, lifetime_s, assurance)
        return IssuedTokens(user.user_id, access_token, refresh_token.text(), lifetime_s)
