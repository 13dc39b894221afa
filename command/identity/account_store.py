"""The identity database as the server uses it: one statement a call, each its own transaction.

Postgres may be away at the start and at any time later: a call that gets no connection is `Busy`, one whose
outcome is unknown is what its caller says (`NotDurable` when something was to be written: repeating it is safe), and
the pool goes on trying to connect.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import AsyncRowFactory, class_row, dict_row

from command.durable_pool import Connection, DurablePool
from command.identity.refresh_token import RefreshToken
from contract import queries
from contract.errors import Busy, ContractError, NotDurable

Row = TypeVar("Row")

CONNECTIONS_MAX = 8
WAITING_MAX = 200
STATEMENT_TIMEOUT = "statement_timeout=5s"
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
    """A person whose refresh token was taken; `steps` rotations after it comes the family's current one."""

    steps: int


@dataclass(frozen=True, slots=True)
class Registration:
    """What a person gives to register, in normal form, password aside; `registered_with` is the Bearer's jti."""

    username: str
    email: str
    date_of_birth: date
    registered_with: str


class AccountStore:
    """Reads and writes people and sessions; `open` and `close` are its lifetime."""

    def __init__(self, database_url: str) -> None:
        self._sql = {name: sql.encode() for name, sql in queries.load("identity.sql").items()}
        self._pool = DurablePool(
            database_url, "vote_identity", STATEMENT_TIMEOUT, connections_max=CONNECTIONS_MAX, waiting_max=WAITING_MAX
        )

    async def open(self) -> None:
        """Start connecting; waits for nothing."""
        await self._pool.open()

    async def close(self) -> None:
        """Let the connections go."""
        await self._pool.close()

    async def why_not_ready(self) -> str:
        """The reason why people can't be read now, or "" ."""
        try:
            await self._one("ready", dict_row)
        except (ContractError, psycopg.Error) as error:
            return f"Postgres: {error}"
        return ""

    async def may_register(self, application: str) -> bool:
        """Whether the application still exists."""
        return await self._one("find_application", dict_row, application=application) is not None

    async def register(self, new: Registration, password_hash: str, voter_seed: bytes) -> User | None:
        """The new person, or None when name or mail address is taken."""
        return await self._one(
            "register",
            class_row(User),
            NotDurable,
            password_hash=password_hash,
            voter_seed=voter_seed,
            **asdict(new),
        )

    async def registered_alike(self, new: Registration) -> User | None:
        """The person whom the same call registered before; the password is still to be compared."""
        return await self._one("find_registered_alike", class_row(User), **asdict(new))

    async def by_username(self, username: str) -> User | None:
        """The person of this name, without case."""
        return await self._one("find_by_username", class_row(User), username=username)

    async def by_id(self, user_id: str) -> User | None:
        """The person whom a token names."""
        return await self._one("find_by_id", class_row(User), user_id=user_id)

    async def start_session(self, user_id: UUID, first: RefreshToken, lifetime_s: int) -> int:
        """Store a new family; tells how many others ended: the longest unused beyond `SESSIONS_MAX`."""
        row = await self._one(
            "start_session",
            dict_row,
            NotDurable,
            user_id=user_id,
            session_id=first.session_id,
            current_hash=first.hash,
            lifetime_s=lifetime_s,
            sessions_max=SESSIONS_MAX,
        )
        return row["ended"] if row else 0

    async def rotate_session(
        self, presented: RefreshToken, following: Sequence[RefreshToken], lifetime_s: int
    ) -> RefreshedUser | None:
        """Put the first of `following` in the place of `presented`, or find that it was used seconds ago.

        `following` are the tokens after it in turn, as many as there may be in these seconds. None: neither.
        """
        row, session_id = class_row(RefreshedUser), presented.session_id
        rotated = await self._one(
            "rotate_session",
            row,
            NotDurable,
            session_id=session_id,
            presented_hash=presented.hash,
            next_hash=following[0].hash,
            rotations_max=len(following),
            lifetime_s=lifetime_s,
        )
        if rotated:
            return rotated
        hashes = [each.hash for each in following]
        return await self._one("find_just_rotated", row, NotDurable, session_id=session_id, following_hashes=hashes)

    async def revoke_session(self, session_id: UUID) -> UUID | None:
        """End a family; gives whose it was, None when there was none to end."""
        row = await self._one("revoke_session", dict_row, NotDurable, session_id=session_id)
        return row["user_id"] if row else None

    async def _one(
        self, name: str, row: AsyncRowFactory[Row], lost: type[ContractError] = Busy, **arguments: Any
    ) -> Row | None:
        """The only row of a named statement, if any."""

        async def work(connection: Connection) -> Row | None:
            async with connection.cursor(row_factory=row) as cursor:
                await cursor.execute(self._sql[name], arguments)
                return await cursor.fetchone() if cursor.description else None

        return await self._pool.run(work, lost)
