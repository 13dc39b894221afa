"""Hosts, admins and auditors: the use cases of making them, of giving and taking roles, and of ending their sessions.

    admin's call, operator's command line ─► one transaction: the role, the sessions that end with it, the log ─► answer

A role that was taken is gone at every process within moments: the sessions' tokens are refused, as after a logout.
"""

import secrets
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import class_row, dict_row

from command.identity.account_store import User
from command.identity.audit import Actor, LogLine, log
from command.identity.factor_policy import ROLES_OF_STAFF, FactorPolicy, is_staff
from command.identity.factor_store import Factor, renew_recovery_codes
from command.identity.identity_database import IdentityDatabase, Statements
from command.likeness import skeleton_of
from contract.errors import InvalidField, NotFound, Taken, WrongState
from contract.pseudonym import SEED_BYTES

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A person with a role; `sessions` that go on."""

    user_id: UUID
    username: str
    roles: list[str]
    created_at: datetime
    second_factor: bool
    sessions: int


class RoleChange(NamedTuple):
    """The roles of a person, and the code with which they log in to set up the second factor that they need."""

    roles: list[str]
    code: str | None


class Staff:
    """Changes what people may do."""

    def __init__(self, database: IdentityDatabase, policy: FactorPolicy) -> None:
        self._database = database
        self._policy = policy

    async def all(self) -> list[StaffMember]:
        """Everybody with a role, by name."""
        return await self._database.all("staff", class_row(StaffMember))

    async def log(self, before_no: int, page: int) -> list[LogLine]:
        """What was done before this line of the log, newest first."""
        return await self._database.all("read_log", class_row(LogLine), before_no=before_no, page=page)

    async def change_role(self, actor: Actor, user_id: UUID, role: str, *, has: bool) -> RoleChange:
        """Give a role, or take it away; the same again changes no role. `InvalidField`, `NotFound`.

        `WrongState` for the last admin's. Where a second factor is required, who has none gets a new code.
        """
        if role not in ROLES_OF_STAFF:
            raise InvalidField(f"role must be one of {', '.join(ROLES_OF_STAFF)}", field="role")

        async def work(statements: Statements) -> RoleChange:
            roles = await _change(statements, actor, user_id, role, has=has)
            return RoleChange(roles, await self._code(statements, actor, user_id) if has else None)

        return await self._together(work)

    async def put(
        self, actor: Actor, username: str, password_hash: str, roles: Collection[str]
    ) -> tuple[UUID, str | None]:
        """Make a person with these roles, or give the one of this name this password and no other roles.

        Ends the sessions; the code is as of `change_role`. `WrongState`; `Taken` for a name that
        looks like another one's.
        """

        async def work(statements: Statements) -> tuple[UUID, str | None]:
            new = {"password_hash": password_hash, "voter_seed": secrets.token_bytes(SEED_BYTES)}
            made = await statements.one(
                "put_person", dict_row, username=username, skeleton=skeleton_of(username), **new
            )
            assert made
            user_id: UUID = made["user_id"]
            await log(statements, actor, "password.set", user_id)
            for role in sorted(
                ROLES_OF_STAFF, key=lambda each: each not in roles
            ):  # given first: one admin at any time
                await _change(statements, actor, user_id, role, has=role in roles)
            await statements.all("end_sessions", dict_row, user_id=user_id)
            return user_id, await self._code(statements, actor, user_id) if is_staff(roles) else None

        return await self._together(work)

    async def end_sessions(self, actor: Actor, user_id: UUID) -> int:
        """End all sessions of a person; how many. `NotFound`."""

        async def work(statements: Statements) -> int:
            await _must_exist(statements, user_id)
            ended = len(await statements.all("end_sessions", dict_row, user_id=user_id))
            await log(statements, actor, "sessions.end", user_id, after={"ended": ended})
            return ended

        return await self._together(work)

    async def reset_factors(self, actor: Actor, user_id: UUID) -> str:
        """Remove all second factors of a person who has lost them; a code to log in with and set up new ones."""

        async def work(statements: Statements) -> str:
            await _must_exist(statements, user_id)
            gone = await statements.all("remove_factors", dict_row, user_id=user_id)
            await statements.all("forget_code_tries", dict_row, user_id=user_id)
            await statements.all("end_sessions", dict_row, user_id=user_id)
            await log(statements, actor, "factor.reset", user_id, before={"factors": gone})
            return await _new_code(statements, actor, user_id)

        return await self._together(work)

    async def find(self, username: str) -> User:
        """The person of this name; `NotFound`."""
        user = await self._database.one("find_by_username", class_row(User), username=username)
        if user is None:
            raise NotFound(f"nobody is called {username}", field="username")
        return user

    async def _code(self, statements: Statements, actor: Actor, user_id: UUID) -> str | None:
        """A code of one login for who needs a second factor and has none."""
        if not self._policy.required or await _has_factor(statements, user_id):
            return None
        return await _new_code(statements, actor, user_id)

    async def _together(self, work: Callable[[Statements], Awaitable[Answer]]) -> Answer:
        """Do the work; what Postgres refuses becomes an error of the contract."""
        try:
            return await self._database.together(work)
        except psycopg.errors.UniqueViolation as error:
            raise Taken("a name that looks like this one is taken", field="username") from error
        except psycopg.Error as error:
            if error.sqlstate == "VI404":
                raise NotFound("user not found", field="user_id") from error
            if error.sqlstate == "VI409":
                raise WrongState(error.diag.message_primary or "") from error
            raise


async def _change(statements: Statements, actor: Actor, user_id: UUID, role: str, *, has: bool) -> list[str]:
    row = await statements.one(
        "change_role",
        dict_row,
        user_id=user_id,
        role=role,
        has=has,
        actor=actor.name,
        actor_role=actor.role,
        trace_id=actor.trace_id,
    )
    assert row
    roles: list[str] = row["roles"]
    return roles


async def _has_factor(statements: Statements, user_id: UUID) -> bool:
    return any(each.confirmed_at for each in await statements.all("factors", class_row(Factor), user_id=user_id))


async def _new_code(statements: Statements, actor: Actor, user_id: UUID) -> str:
    (code,) = await renew_recovery_codes(statements, user_id, count=1)
    await log(statements, actor, "factor.code", user_id)
    return code


async def _must_exist(statements: Statements, user_id: UUID) -> None:
    if await statements.one("find_by_id", dict_row, user_id=user_id) is None:
        raise NotFound("user not found", field="user_id")
