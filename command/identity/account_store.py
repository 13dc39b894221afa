"""People and their sessions in identity's database; its errors are those of `IdentityDatabase`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row, dict_row

from command.identity.identity_database import IdentityDatabase
from command.identity.refresh_token import RefreshToken
from contract.errors import BadCredentials
from contract.tokens import Claims

SESSIONS_MAX = 20  # of one person


@dataclass(frozen=True, slots=True)
class User:
    """A person; no `password_hash`: can't log in by password."""

    user_id: UUID
    username: str
    roles: list[str]
    voter_seed: bytes
    password_hash: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RefreshedUser(User):
    """A person whose refresh token was taken; `steps` rotations after it comes the family's current one.

    `proven`: a second factor was shown in this session; `has_factor`: there is one.
    """

    steps: int
    assurance: str
    proven: bool
    has_factor: bool


@dataclass(frozen=True, slots=True)
class StartedSession:
    """What a new session knows of its person, and how many others ended for it: the longest unused beyond the most."""

    assurance: str
    ended: int
    roles: list[str]
    has_factor: bool


@dataclass(frozen=True, slots=True)
class Registration:
    """What a person gives to register, in normal form, password aside; `registered_with` is the Bearer's jti.

    `skeleton` and `mailbox` are what name and address have in common with others that are the same.
    """

    username: str
    skeleton: str
    email: str
    mailbox: str
    date_of_birth: date
    registered_with: str


def session_arguments(
    user: User, first: RefreshToken, lifetime_s: int, device: str, *, proven: bool = False
) -> dict[str, Any]:
    """What the statement start_session takes, but for the assurance; `proven`: a second factor was shown."""
    return {
        "user_id": user.user_id,
        "password_hash": user.password_hash,
        "proven": proven,
        "session_id": first.session_id,
        "current_hash": first.hash,
        "lifetime_s": lifetime_s,
        "device": device,
        "sessions_max": SESSIONS_MAX,
    }


class AccountStore:
    """Reads and writes people and sessions."""

    def __init__(self, database: IdentityDatabase) -> None:
        self._database = database

    async def may_register(self, application: Claims) -> bool:
        """Whether the application that has this token still exists, and did when it got it."""
        name, issued_at = application.sub, application.iat
        found = await self._database.one("find_application", dict_row, application=name, issued_at=issued_at)
        return found is not None

    async def has_registered(self, registrar: Claims) -> bool:
        """Whether somebody was registered with this token."""
        return await self._database.one("find_registered_with", dict_row, registered_with=registrar.jti) is not None

    async def register(
        self, new: Registration, password_hash: str, voter_seed: bytes, identity_hash: bytes
    ) -> User | None:
        """The new person, or None when name or mailbox is taken, was erased not long ago, or the Bearer is used up."""
        return await self._database.write(
            "register",
            class_row(User),
            password_hash=password_hash,
            voter_seed=voter_seed,
            identity_hash=identity_hash,
            **asdict(new),
        )

    async def registered_alike(self, new: Registration) -> User | None:
        """The person whom the same call registered before; the password is still to be compared."""
        return await self._database.one("find_registered_alike", class_row(User), **asdict(new))

    async def by_username(self, username: str) -> User | None:
        """The person of this name, without case."""
        return await self._database.one("find_by_username", class_row(User), username=username)

    async def by_id(self, user_id: str) -> User | None:
        """The person whom a token names."""
        return await self._database.one("find_by_id", class_row(User), user_id=user_id)

    async def start_session(
        self, user: User, first: RefreshToken, lifetime_s: int, device: str, *, proven: bool
    ) -> StartedSession:
        """Store a new family of a person who showed this password; `BadCredentials` when it is no longer theirs."""
        row = await self._database.write(
            "start_session",
            class_row(StartedSession),
            assurance=None,
            **session_arguments(user, first, lifetime_s, device, proven=proven),
        )
        if row is None:
            raise BadCredentials
        return row

    async def rotate_session(
        self, presented: RefreshToken, following: Sequence[RefreshToken], lifetime_s: int
    ) -> RefreshedUser | None:
        """Put the first of `following` in the place of `presented`, or find that it was used seconds ago.

        `following` are the tokens after it in turn, as many as there may be in these seconds. None: neither.
        """
        row, session_id = class_row(RefreshedUser), presented.session_id
        rotated = await self._database.write(
            "rotate_session",
            row,
            session_id=session_id,
            presented_hash=presented.hash,
            next_hash=following[0].hash,
            rotations_max=len(following),
            lifetime_s=lifetime_s,
        )
        if rotated:
            return rotated
        hashes = [each.hash for each in following]
        return await self._database.write("find_just_rotated", row, session_id=session_id, following_hashes=hashes)

    async def revoke_session(self, session_id: UUID) -> UUID | None:
        """End a family; gives whose it was, None when there was none to end."""
        row = await self._database.write("revoke_session", dict_row, session_id=session_id)
        return row["user_id"] if row else None
