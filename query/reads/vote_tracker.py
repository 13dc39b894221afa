"""What became of a vote: exact, by position, never by time.

    acked       the row is in the ledger
    processed   fanout has counted up to a WAL position that was read after the row was seen
    duplicate, rejected   what the receipt itself says

The receipt is decrypted, not looked up. Its voter may ask (a receipt can't be forged, so their own is proof
enough even while the replica doesn't have the row yet; what became of it then says the primary, if there is one
besides); admins and auditors may when the evidence is there. Of an archived event nothing can be looked up, and nothing
is said but that. For everybody else, and for whatever is no receipt, there is no such vote.
"""

import asyncio
import contextlib
import enum
import time
import uuid
from collections.abc import Mapping
from typing import NamedTuple

from contract.errors import Busy, NotFound, WrongState
from contract.pseudonym import voter_of
from contract.standings import AppliedPosition
from contract.tokens import Caller, SeedBox
from contract.vote_id import Receipt, ReceiptCipher, VoteKind
from query.event import require_listed
from query.recent_cache import RecentCache
from query.redis_reader import REDIS_AWAY, RedisReader
from query.replica_reader import Attempt, ReplicaReader

COUNTED_WITHIN_S = 0.5
ASK_AGAIN_S = 0.02


class VoteProgress(enum.Enum):
    """How far a vote got."""

    ACKED = "acked"
    PROCESSED = "processed"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


class VoteState(NamedTuple):
    """What became of a vote of an event."""

    progress: VoteProgress
    event_id: str
    event_name: str


class VoteTracker:
    """Reads receipts made under `ciphers` (by key_no)."""

    def __init__(
        self,
        seeds: SeedBox,
        ciphers: Mapping[int, ReceiptCipher],
        replica: ReplicaReader,
        redis: RedisReader,
        primary: ReplicaReader | None,
    ) -> None:
        self._seeds = seeds
        self._ciphers = ciphers
        self._replica = replica
        self._redis = redis
        self._primary = primary
        self._applied = RecentCache(self._read_applied, ASK_AGAIN_S, 1)

    async def status(self, caller: Caller, vote_id: uuid.UUID) -> VoteState:
        """Its voter, an admin or an auditor gets the state, or `WrongState` (archived); anybody else `NotFound`."""
        receipt, attempt, seen_on = await self._find(caller, vote_id)
        if not self._is_own(caller, receipt) and not self._may_see(caller, receipt, attempt):
            raise NotFound("vote not found")
        require_listed(attempt.event_status, caller)
        if attempt.archived:
            raise WrongState("the event's votes are archived")
        return VoteState(await self._progress(receipt, attempt, seen_on), attempt.event_id, attempt.event_name)

    async def _find(self, caller: Caller, vote_id: uuid.UUID) -> tuple[Receipt, Attempt, ReplicaReader]:
        """The receipt, what is known of its attempt, and on which server that was seen."""
        for key_no, cipher in self._ciphers.items():
            receipt = cipher.open(vote_id)
            if receipt is None:
                continue
            attempt, seen_on = await self._look_up(receipt, self._primary if self._is_own(caller, receipt) else None)
            if attempt and attempt.key_no == key_no:
                return receipt, attempt, seen_on
        raise NotFound("vote not found")

    async def _look_up(self, receipt: Receipt, primary: ReplicaReader | None) -> tuple[Attempt | None, ReplicaReader]:
        try:
            attempt = await self._replica.attempt(receipt)
        except Busy:
            if primary is None:
                raise
            return await primary.attempt(receipt), primary
        if primary and _is_older(attempt, receipt):
            with contextlib.suppress(Busy):
                return await primary.attempt(receipt), primary
        return attempt, self._replica

    def _is_own(self, caller: Caller, receipt: Receipt) -> bool:
        return voter_of(self._seeds.open(caller), receipt.event_no) == receipt.voter

    def _may_see(self, caller: Caller, receipt: Receipt, attempt: Attempt) -> bool:
        there = attempt.accepted if receipt.kind is VoteKind.ACCEPTED else attempt.refused
        return caller.may_read_all and (there or attempt.archived)

    async def _progress(self, receipt: Receipt, attempt: Attempt, seen_on: ReplicaReader) -> VoteProgress:
        if receipt.kind is VoteKind.DUPLICATE:
            return VoteProgress.DUPLICATE
        if receipt.kind is not VoteKind.ACCEPTED:
            return VoteProgress.REJECTED
        return VoteProgress.PROCESSED if attempt.accepted and await self._is_counted(seen_on) else VoteProgress.ACKED

    async def _is_counted(self, seen_on: ReplicaReader) -> bool:
        """Whether fanout reaches within a moment what was just seen on this server."""
        give_up_at = time.monotonic() + COUNTED_WITHIN_S
        try:
            ends = await seen_on.wal_ends()
            while ends:
                applied = await self._applied.get("")
                if all((there := applied.get(end.source)) and there.has_reached(end.position) for end in ends):
                    return True
                if time.monotonic() >= give_up_at:
                    return False
                await asyncio.sleep(ASK_AGAIN_S)
        except (Busy, *REDIS_AWAY):
            pass
        return False

    async def _read_applied(self, _: str) -> dict[str, AppliedPosition]:
        return await self._redis.applied()


def _is_older(attempt: Attempt | None, receipt: Receipt) -> bool:
    """Whether the receipt tells of more than the server that this was seen on had."""
    return attempt is None or (receipt.kind is VoteKind.ACCEPTED and not attempt.accepted and not attempt.archived)
