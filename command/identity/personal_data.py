"""What is stored of people, and its end: the use cases of seeing it, of erasure, and of what time takes away.

    erased ─► account, sessions and seed go, tokens are revoked ─► the votes stay, and are nobody's
                  └─ a keyed hash of mail address or subject stays for a while: else a new account were a second vote

Votes are in the ledger, which identity can't read: their owner reads them there, by the token.
"""

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import psycopg
from psycopg.rows import class_row, dict_row

from command.identity.factor_policy import is_staff
from command.identity.identity_database import IdentityDatabase
from command.identity.mailboxes import Mailboxes
from command.identity.settings import Retention
from contract.errors import ContractError, Unauthorized, WrongState
from contract.tokens import Caller

FORGET_EVERY_S = 60.0  # of millions of people each call looks at ten thousand
FORGET_BATCH = 1_000  # so many of a kind go by one call: then more may be waiting

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PersonalData:
    """What is stored of a person; no `email`: an operator made the account, or an `issuer` says who it is."""

    username: str
    email: str | None
    date_of_birth: date | None
    created_at: datetime
    roles: list[str]
    email_confirmed_at: datetime | None
    issuer: str | None
    subject: list[str] | None


def outside_identity(issuer: str, subject: Sequence[str]) -> str:
    """An issuer's person, in one text."""
    return json.dumps([issuer, *subject])


class PersonHash:
    """Keyed hashes that tell whether it is the same person again, and nothing else."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, identity: str) -> bytes:
        """32 bytes for a mailbox in lower case, or for whatever else makes a person."""
        return hmac.digest(self._key, identity.encode(), hashlib.sha256)


class PersonalRecords:
    """Shows and erases; `forget` is its background task."""

    def __init__(
        self, database: IdentityDatabase, hashes: PersonHash, mailboxes: Mailboxes, retention: Retention
    ) -> None:
        self._database = database
        self._hashes = hashes
        self._mailboxes = mailboxes
        self._retention = retention

    async def of(self, caller: Caller) -> PersonalData:
        """What is stored of the caller; `Unauthorized` when erased."""
        data = await self._database.one("personal_data", class_row(PersonalData), user_id=caller.user_id)
        if data is None:
            raise Unauthorized
        return data

    async def erase(self, caller: Caller, trace_id: str) -> None:
        """Erase the caller; once more is the same. `WrongState`: staff give up their roles first, which is logged."""
        data = await self._database.one("personal_data", class_row(PersonalData), user_id=caller.user_id)
        if data is None:
            return
        if is_staff(data.roles):
            raise WrongState("whoever has a role of staff gives it up first")
        await self._database.write(
            "erase",
            dict_row,
            user_id=caller.user_id,
            identity_hash=self._hashes.of(self._identity_of(data) or caller.user_id),
            kept_s=self._retention.erased_seconds,
        )
        log.info("erased", extra={"user_id": caller.user_id, "trace_id": trace_id})

    def _identity_of(self, data: PersonalData) -> str | None:
        """What tells that it is the same person again; None: nothing does."""
        if data.issuer and data.subject:
            return outside_identity(data.issuer, data.subject)
        return self._mailboxes.mailbox_of(data.email).casefold() if data.email else None

    async def forget(self) -> None:
        """Delete what isn't needed any more, for ever, a little at a time."""
        while True:
            rows = 0
            try:
                row = await self._database.write("forget", dict_row, unused_s=self._retention.unused_seconds)
                rows = row["rows"] if row else 0
            except (ContractError, psycopg.Error) as error:
                log.warning("can't delete what isn't needed any more", extra={"reason": str(error)})
            await asyncio.sleep(1.0 if rows >= FORGET_BATCH else FORGET_EVERY_S)
