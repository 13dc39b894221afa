"""Second factors of one's own: the use cases of adding, confirming and removing them, in whatever dialect.

    fresh login ─► app's secret ─► its first code ┐
                └► passkey's challenge ─► answer  ┴► factor, session proven, first of all: ten recovery codes

Who could add one by a password alone could turn a stolen password into a role. So where there is anything that can be
shown, it must have been shown; and where a second factor is required, staff without one get a code of one use from
whoever gave them the role, and log in with that.
"""

import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import dict_row

from command.identity.audit import Actor, log
from command.identity.factor_policy import FactorPolicy, is_staff
from command.identity.factor_proof import FactorProof
from command.identity.factor_store import Factor, FactorState, FactorStore, burn, renew_recovery_codes
from command.identity.identity_database import IdentityDatabase, Statements
from command.identity.one_time_codes import new_totp_secret, totp_address
from command.identity.passkeys import Passkeys
from command.identity.secret_box import SecretBox
from contract.errors import BadCredentials, Forbidden, NotFound, Taken, Unauthorized
from contract.tokens import Caller

TOTP_NAME = "authenticator app"


class NewTotp(NamedTuple):
    """A secret that an app is to be told; it counts once a code of it was shown."""

    factor_id: UUID
    secret: str
    address: str


class AddedFactor(NamedTuple):
    """A factor that counts from now on; `recovery_codes` come with the first one."""

    factor_id: UUID
    recovery_codes: list[str]


class FactorEnrolment:
    """Adds and removes second factors of those who call."""

    def __init__(
        self,
        database: IdentityDatabase,
        store: FactorStore,
        box: SecretBox,
        passkeys: Passkeys,
        proof: FactorProof,
        policy: FactorPolicy,
        *,
        issuer: str,
    ) -> None:
        self._database = database
        self._store = store
        self._box = box
        self._passkeys = passkeys
        self._proof = proof
        self._policy = policy
        self._issuer = issuer

    async def of(self, caller: Caller) -> list[Factor]:
        """The caller's factors that count."""
        return [each for each in await self._store.of(UUID(caller.user_id)) if each.confirmed_at]

    async def begin_totp(self, caller: Caller) -> NewTotp:
        """A new secret for the caller's app; `Forbidden` as `_may_add` says."""
        state, user_id, factor_id = await self._may_add(caller), UUID(caller.user_id), uuid.uuid4()
        secret = new_totp_secret()
        await self._database.together(
            lambda statements: _add(
                statements,
                user_id=user_id,
                factor_id=factor_id,
                kind="totp",
                factor_name=TOTP_NAME,
                secret=self._box.close(secret.encode(), user_id),
                credential_id=None,
                counter=0,
            )
        )
        return NewTotp(factor_id, secret, totp_address(secret, state.username, self._issuer))

    async def confirm_totp(self, caller: Caller, code: str, trace_id: str) -> AddedFactor:
        """Have the app count whose secret was given last; `NotFound`, `BadCredentials`, `TooMany`."""
        await self._may_add(caller)
        user_id = UUID(caller.user_id)
        factors = await self._store.of(user_id)
        new = next((each for each in factors if not each.confirmed_at), None)
        if new is None:
            raise NotFound("no app is being set up")
        await self._store.count_try(user_id)
        step = self._proof.step_of(new, user_id, code)

        async def work(statements: Statements) -> AddedFactor:
            taken = {"factor_id": new.factor_id, "counter": step}
            if step is None or await statements.one("use_factor", dict_row, **taken) is None:
                raise BadCredentials("this is no code of that app now")
            added = {"kind": new.kind, "name": new.name}
            return AddedFactor(
                new.factor_id, await _count(statements, caller, added, trace_id, is_first=len(factors) == 1)
            )

        return await self._database.together(work)

    async def ask_for_passkey(self, caller: Caller) -> dict[str, Any]:
        """What the caller's browser is to be given to make a passkey."""
        state, user_id = await self._may_add(caller), UUID(caller.user_id)
        known = [each.credential_id for each in await self._store.of(user_id) if each.credential_id]
        return self._passkeys.to_enrol(user_id, state.username, known)

    async def add_passkey(self, caller: Caller, name: str, answer: Mapping[str, Any], trace_id: str) -> AddedFactor:
        """Take a browser's new passkey; `InvalidField`, `Forbidden` for a challenge that was used, `Taken`."""
        await self._may_add(caller)
        user_id = UUID(caller.user_id)
        made, challenge = self._passkeys.enrolled(answer, user_id)
        is_first, factor_id = not await self.of(caller), uuid.uuid4()

        async def work(statements: Statements) -> AddedFactor:
            await burn(statements, challenge)
            added = {"kind": "passkey", "name": name}
            kept = {"secret": made.public_key, "credential_id": made.credential_id, "counter": made.counter}
            await _add(statements, user_id=user_id, factor_id=factor_id, kind="passkey", factor_name=name, **kept)
            return AddedFactor(factor_id, await _count(statements, caller, added, trace_id, is_first=is_first))

        return await self._database.together(work)

    async def remove(self, caller: Caller, factor_id: UUID, trace_id: str) -> None:
        """Remove a factor, with the last one the recovery codes; `NotFound`, `Forbidden` unless one was just shown."""
        await self._must_have_shown(caller)
        user_id, own = UUID(caller.user_id), {each.factor_id for each in await self.of(caller)}

        async def work(statements: Statements) -> None:
            gone = await statements.one("remove_factor", dict_row, user_id=user_id, factor_id=factor_id)
            if gone is None:
                raise NotFound("second factor not found", field="factor_id")
            if own == {factor_id}:
                await statements.all("remove_recovery_codes", dict_row, user_id=user_id)
            await log(statements, Actor(caller.user_id, "self", trace_id), "factor.remove", user_id, before=gone)

        await self._database.together(work)

    async def renew_codes(self, caller: Caller, trace_id: str) -> list[str]:
        """New recovery codes in the place of the old; `Forbidden` unless a factor was just shown."""
        await self._must_have_shown(caller)
        user_id = UUID(caller.user_id)

        async def work(statements: Statements) -> list[str]:
            codes = await renew_recovery_codes(statements, user_id)
            await log(statements, Actor(caller.user_id, "self", trace_id), "factor.codes", user_id)
            return codes

        return await self._database.together(work)

    async def _may_add(self, caller: Caller) -> FactorState:
        """`Forbidden` unless the caller is staff, has just logged in, and has shown what there is to show."""
        state = await self._state(caller)
        if not is_staff(state.roles):  # whoever has a viewer's password must not be there first, for the day of a role
            raise Forbidden("second factors are for staff")
        if not state.fresh:
            raise Forbidden("log in anew first: a second factor is added within ten minutes of it")
        if state.has_any and not state.shown:
            raise Forbidden("show a second factor, or a code that you were given, first")
        if not state.has_any and not state.shown and self._policy.required:
            raise Forbidden("ask whoever gave you the role for a code, and log in with it")
        return state

    async def _must_have_shown(self, caller: Caller) -> None:
        if not (await self._state(caller)).shown:
            raise Forbidden("show a second factor first, within ten minutes")

    async def _state(self, caller: Caller) -> FactorState:
        state = await self._store.state(caller)
        if state is None:
            raise Unauthorized
        return state


async def _add(statements: Statements, **factor: Any) -> None:
    if await statements.one("add_factor", dict_row, **factor) is None:
        raise Taken("you have ten already, or this one is somebody's")


async def _count(
    statements: Statements, caller: Caller, added: Mapping[str, str], trace_id: str, *, is_first: bool
) -> list[str]:
    """Say that a factor counts from now on: in the session and in the log; recovery codes come with the first one."""
    user_id = UUID(caller.user_id)
    session = {"session_id": caller.session_id, "user_id": user_id}
    if await statements.one("mark_proven", dict_row, **session) is None:
        raise Unauthorized
    await statements.all("forget_code_tries", dict_row, user_id=user_id)
    await log(statements, Actor(caller.user_id, "self", trace_id), "factor.add", user_id, after=added)
    return await renew_recovery_codes(statements, user_id) if is_first else []
