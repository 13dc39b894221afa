"""Showing a second factor: the use cases, whatever dialect they are asked in.

code at login, code or passkey in a session ─► taken once, in Postgres ─► its session keeps the roles
                                           └─ after twenty wrong ones in a day: a recovery code only
"""

import logging
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from command.identity.factor_store import Factor, FactorStore, burn
from command.identity.identity_database import IdentityDatabase, Statements
from command.identity.one_time_codes import step_of, without_spaces
from command.identity.passkeys import NewPasskey, Passkeys, credential_id_of
from command.identity.secret_box import SecretBox
from contract.errors import BadCredentials, Forbidden, Unauthorized
from contract.tokens import Caller

log = logging.getLogger(__name__)


class FactorProof:
    """Takes codes and passkeys."""

    def __init__(self, database: IdentityDatabase, store: FactorStore, box: SecretBox, passkeys: Passkeys) -> None:
        self._database = database
        self._store = store
        self._box = box
        self._passkeys = passkeys

    async def take_code(self, user_id: UUID, code: str) -> None:
        """Take a code of an app or a recovery code; `BadCredentials`, `TooMany`.

        A recovery code is too long to be guessed: it lets an owner in whose tries somebody else has used up.
        """
        meant = without_spaces(code)
        if not await self._store.take_recovery_code(user_id, meant):
            await self._store.count_try(user_id)
            if not await self._take_totp(user_id, meant):
                log.warning("second factor refused", extra={"user_id": str(user_id)})
                raise BadCredentials("this code isn't taken")
        await self._store.forget_tries(user_id)

    async def show_code(self, caller: Caller, code: str) -> None:
        """Show a code in the caller's session; errors as above."""
        await self.take_code(UUID(caller.user_id), code)
        if not await self._store.mark_proven(caller):
            raise Unauthorized

    async def ask_for_passkey(self, caller: Caller) -> dict[str, Any]:
        """What the caller's browser is to be given."""
        factors = await self._store.of(UUID(caller.user_id))
        return self._passkeys.to_show(
            UUID(caller.user_id), [each.credential_id for each in factors if each.credential_id]
        )

    async def show_passkey(self, caller: Caller, answer: Mapping[str, Any]) -> None:
        """Show a passkey in the caller's session; `InvalidField`, `Forbidden`."""
        user_id, credential_id = UUID(caller.user_id), credential_id_of(answer)
        factors = await self._store.of(user_id)
        factor = next((each for each in factors if each.credential_id == credential_id), None)
        if factor is None:
            raise Forbidden("this passkey isn't taken")
        known = NewPasskey(credential_id, factor.secret, factor.counter)
        counter, challenge = self._passkeys.shown(answer, user_id, known)

        async def work(statements: Statements) -> None:
            await burn(statements, challenge)
            if await statements.one("use_factor", dict_row, factor_id=factor.factor_id, counter=counter) is None:
                raise Forbidden("this passkey isn't taken")
            session = {"session_id": caller.session_id or None, "user_id": user_id}
            if await statements.one("mark_proven", dict_row, **session) is None:
                raise Unauthorized

        await self._database.together(work)

    async def _take_totp(self, user_id: UUID, code: str) -> bool:
        for factor in await self._store.of(user_id):
            step = self.step_of(factor, user_id, code) if factor.kind == "totp" and factor.confirmed_at else None
            if step is not None and await self._store.use(factor.factor_id, step):
                return True
        return False

    def step_of(self, factor: Factor, user_id: UUID, code: str) -> int | None:
        """The time step of this code, which must still be taken; None: it is none of this app now."""
        return step_of(self._box.open(factor.secret, user_id).decode(), without_spaces(code), time.time())
