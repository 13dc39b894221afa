"""Second factors in identity's database; its errors are those of `IdentityDatabase`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row, dict_row

from command.identity.identity_database import IdentityDatabase, Statements
from command.identity.one_time_codes import RECOVERY_CODES, new_recovery_codes, recovery_hash
from contract.errors import Forbidden, TooMany
from contract.tokens import Caller, Claims

CODE_TRIES_MAX = 20  # a day: of a stolen password one in fifty would be enough in a year
TRIES_WINDOW_S = 86_400


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor; `secret` is encrypted, or a passkey's public key. Not confirmed: it is being set up."""

    factor_id: UUID
    kind: str
    name: str
    created_at: datetime
    confirmed_at: datetime | None
    last_used_at: datetime | None
    counter: int
    credential_id: bytes | None
    secret: bytes


@dataclass(frozen=True, slots=True)
class FactorState:
    """What a session may do about second factors: `fresh` by a login, `shown`: a factor, ten minutes ago at most."""

    username: str
    roles: list[str]
    fresh: bool
    shown: bool
    has_any: bool


class FactorStore:
    """Reads and writes second factors."""

    def __init__(self, database: IdentityDatabase) -> None:
        self._database = database

    async def state(self, caller: Caller) -> FactorState | None:
        """What the caller's session may do; None: it is in no table, or has ended."""
        session_id = caller.session_id or None
        row = class_row(FactorState)
        return await self._database.one("factor_state", row, session_id=session_id, user_id=caller.user_id)

    async def of(self, user_id: UUID) -> list[Factor]:
        """A person's factors."""
        return await self._database.all("factors", class_row(Factor), user_id=user_id)

    async def count_try(self, user_id: UUID) -> None:
        """Count a code that is tried, before it is looked at; `TooMany`."""
        arguments = {"user_id": user_id, "tries_max": CODE_TRIES_MAX}
        if await self._database.write("count_code_try", dict_row, **arguments) is None:
            raise TooMany("too many codes were tried", retry_after_s=TRIES_WINDOW_S)

    async def use(self, factor_id: UUID, counter: int) -> bool:
        """Take a code or a signature once; False: it was taken."""
        arguments = {"factor_id": factor_id, "counter": counter}
        return await self._database.write("use_factor", dict_row, **arguments) is not None

    async def take_recovery_code(self, user_id: UUID, code: str) -> bool:
        """Take a recovery code once; False: it is none, or was taken."""
        arguments = {"user_id": user_id, "code_hash": recovery_hash(code)}
        return await self._database.write("take_recovery_code", dict_row, **arguments) is not None

    async def mark_proven(self, caller: Caller) -> bool:
        """Say that a factor was shown in the caller's session; False: it has ended."""
        arguments = {"session_id": caller.session_id or None, "user_id": caller.user_id}
        return await self._database.write("mark_proven", dict_row, **arguments) is not None

    async def forget_tries(self, user_id: UUID) -> None:
        """Nothing is held against the account any more."""
        await self._database.write("forget_code_tries", dict_row, user_id=user_id)


async def burn(statements: Statements, challenge: Claims) -> None:
    """Take a passkey's challenge once; `Forbidden` when it was taken."""
    arguments = {"challenge_id": UUID(challenge.jti).bytes, "expires_at": challenge.exp}
    if await statements.one("burn_challenge", dict_row, **arguments) is None:
        raise Forbidden("this challenge was used already")


async def renew_recovery_codes(statements: Statements, user_id: UUID, count: int = RECOVERY_CODES) -> list[str]:
    """New recovery codes in the place of all others."""
    codes = new_recovery_codes(count)
    await statements.all("remove_recovery_codes", dict_row, user_id=user_id)
    hashes = [recovery_hash(code) for code in codes]
    await statements.all("add_recovery_codes", dict_row, user_id=user_id, code_hashes=hashes)
    return codes
