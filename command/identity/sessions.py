"""Sessions: the use cases of logging in and of getting the next access token, whatever dialect they are asked in.

    login ──► family of refresh tokens ──refresh──► its next one ──► …      a used one again: the family ends

A token is given after the COMMIT that it stands on.
"""

import dataclasses
import logging
from typing import NamedTuple
from uuid import UUID

from prometheus_client import Counter

from command.identity import account_fields
from command.identity.account_store import AccountStore, StartedSession, User
from command.identity.attempt_limits import AttemptLimits
from command.identity.challenges import Challenges
from command.identity.factor_policy import FactorPolicy, SecondFactor, roles_told
from command.identity.factor_proof import FactorProof
from command.identity.outcome_counter import counted
from command.identity.password_hasher import PasswordHasher
from command.identity.refresh_token import RefreshToken, new_family, parse_refresh_token
from command.identity.settings import Signing
from command.identity.token_mint import TokenMint
from contract import metric_names
from contract.assurance import Assurance, assurance_of
from contract.challenge import Aim
from contract.errors import BadCredentials, Unauthorized

LOGIN = Aim("login")
GRACE_ROTATIONS_MAX = 8  # so many may follow on a token while it still has its grace

LOGINS = Counter(metric_names.LOGINS, "Logins by password or outside issuer, by what became of them", ["outcome"])
REFRESHES = Counter(metric_names.TOKEN_REFRESHES, "Uses of refresh tokens, by what became of them", ["outcome"])

log = logging.getLogger(__name__)


class Credentials(NamedTuple):
    """What a person gives to log in; `code` is of a second factor."""

    username: str
    password: str
    code: str | None = None
    challenge: str | None = None


class IssuedTokens(NamedTuple):
    """What a client needs to act for a person; `lifetime_s` is the access token's."""

    user_id: UUID
    access_token: str
    refresh_token: str
    lifetime_s: int
    second_factor: SecondFactor


class Sessions:
    """Starts and renews sessions, and issues their tokens."""

    def __init__(  # noqa: PLR0913  # all that a login looks at
        self,
        store: AccountStore,
        hasher: PasswordHasher,
        mint: TokenMint,
        signing: Signing,
        limits: AttemptLimits,
        challenges: Challenges,
        *,
        proof: FactorProof,
        policy: FactorPolicy,
    ) -> None:
        self._proof = proof
        self._policy = policy
        self._limits = limits
        self._challenges = challenges
        self._store = store
        self._hasher = hasher
        self._signing = signing
        self._mint = mint

    async def login(self, given: Credentials, address: str, device: str, trace_id: str) -> IssuedTokens:
        """Start a session; for an unknown name and a wrong password the same `BadCredentials` after the same work.

        `TooMany`; a solved `login` challenge lets in past the account's own limit, else it is `ChallengeInvalid`.
        A code that isn't taken is `BadCredentials`; without one staff may get a session without their roles.
        """
        with counted(LOGINS):
            name = account_fields.normal_username(given.username).replace("\0", "\N{REPLACEMENT CHARACTER}")
            if given.challenge is not None:
                await self._challenges.spend(given.challenge, LOGIN)
            await self._limits.login(name, address, with_challenge=given.challenge is not None)
            user = await self._with_password(name, given.password, address, trace_id)
            if given.code is not None:
                await self._proof.take_code(user.user_id, given.code)
            issued = await self._start(user, device, trace_id, proven=given.code is not None)
            if issued.second_factor is not SecondFactor.NEEDED:
                await self._limits.forgive(name)
            return issued

    async def refresh(self, refresh_token: str, trace_id: str) -> IssuedTokens:
        """Renew a session; `Unauthorized`. A token that was used up, seconds of grace aside, ends its family."""
        with counted(REFRESHES):
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
            asked = self._policy.of(user.roles, shown=user.proven, has_factor=user.has_factor)
            return self._issue(user, following[user.steps - 1], assurance_of(user.assurance), asked)

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

    async def _start(self, user: User, device: str, trace_id: str, *, proven: bool) -> IssuedTokens:
        """A new session of a person who has shown who they are."""
        first, lifetime_s = new_family(), self._signing.refresh_seconds
        started = await self._store.start_session(user, first, lifetime_s, device, proven=proven)
        log.info("login", extra={"user_id": user.user_id, "trace_id": trace_id, "sessions_ended": started.ended})
        return self.issue_first(user, first, started, proven=proven)

    def issue_first(
        self, user: User, refresh_token: RefreshToken, started: StartedSession, *, proven: bool
    ) -> IssuedTokens:
        """The tokens of a session that has just been stored, with the roles as they were then."""
        asked = self._policy.of(started.roles, shown=proven, has_factor=started.has_factor)
        user = dataclasses.replace(user, roles=started.roles)
        return self._issue(user, refresh_token, assurance_of(started.assurance), asked)

    def _issue(
        self, user: User, refresh_token: RefreshToken, assurance: Assurance, asked: SecondFactor
    ) -> IssuedTokens:
        lifetime_s = self._signing.access_seconds
        user = dataclasses.replace(user, roles=roles_told(user.roles, asked))
        access_token = self._mint.access(user, refresh_token.session_id, lifetime_s, assurance)
        return IssuedTokens(user.user_id, access_token, refresh_token.text(), lifetime_s, asked)
