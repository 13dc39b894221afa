"""GET /v1/vote/{vote_id}/status: exact, by position, never by time.

    acked       the row is in the ledger
    processed   fanout has counted up to a WAL position that was read after the row was seen
    duplicate, rejected   what the receipt itself says

The receipt is decrypted, not looked up. Its voter may ask (a receipt can't be forged, so their own is proof
enough even while the replica doesn't have the row yet); admins and auditors may when the evidence is there. For
everybody else, and for whatever is no receipt, there is no such vote.
"""

import asyncio
import time
import uuid
from collections.abc import Mapping

import msgspec
from sanic import HTTPResponse, Request

from contract.errors import Busy, NotFound
from contract.pseudonym import voter_of
from contract.standings import AppliedPosition
from contract.tokens import Caller, SeedBox
from contract.vote_id import Receipt, ReceiptCipher, VoteKind
from contract.web.call import documented
from contract.web.service import answer, uuid_in_path
from contract.web.token_verifier import TokenVerifier
from query.recent_cache import RecentCache
from query.redis_reader import REDIS_AWAY, RedisReader
from query.replica_reader import Attempt, ReplicaReader, WalEnd

COUNTED_WITHIN_S = 0.5
ASK_AGAIN_S = 0.02


class VoteStatus(msgspec.Struct):
    """What became of a vote: `acked`, `processed`, `duplicate` or `rejected`."""

    vote_id: str
    vote_status: str
    event_id: str
    event_name: str


class VoteStatusHandler:
    """Reads receipts made under `ciphers` (by key_no)."""

    def __init__(
        self,
        verifier: TokenVerifier,
        seeds: SeedBox,
        ciphers: Mapping[int, ReceiptCipher],
        replica: ReplicaReader,
        redis: RedisReader,
    ) -> None:
        self._verifier = verifier
        self._seeds = seeds
        self._ciphers = ciphers
        self._replica = replica
        self._redis = redis
        self._applied = RecentCache(self._read_applied, ASK_AGAIN_S, 1)

    @documented("What became of a vote", answers={200: VoteStatus}, refusals=[NotFound])
    async def status(self, request: Request, vote_id: str) -> HTTPResponse:
        """Its voter, an admin or an auditor gets the status; anybody else 404."""
        caller = self._verifier.caller(request)
        asked = uuid_in_path(vote_id, "vote_id")
        receipt, attempt = await self._find(asked)
        if not self._may_see(caller, receipt, attempt):
            raise NotFound("vote not found")
        status = await self._status(receipt, attempt)
        return answer(msgspec.to_builtins(VoteStatus(str(asked), status, attempt.event_id, attempt.event_name)))

    async def _find(self, vote_id: uuid.UUID) -> tuple[Receipt, Attempt]:
        for key_no, cipher in self._ciphers.items():
            receipt = cipher.open(vote_id)
            attempt = receipt and await self._replica.attempt(receipt)
            if receipt and attempt and attempt.key_no == key_no:
                return receipt, attempt
        raise NotFound("vote not found")

    def _may_see(self, caller: Caller, receipt: Receipt, attempt: Attempt) -> bool:
        if voter_of(self._seeds.open(caller), receipt.event_no) == receipt.voter:
            return True
        there = attempt.accepted if receipt.kind is VoteKind.ACCEPTED else attempt.refused
        return caller.may_read_all and there

    async def _status(self, receipt: Receipt, attempt: Attempt) -> str:
        if receipt.kind is not VoteKind.ACCEPTED:
            return receipt.kind.vote_status
        return "processed" if attempt.accepted and await self._is_counted() else "acked"

    async def _is_counted(self) -> bool:
        """Whether fanout reaches within a moment what was just seen."""
        give_up_at = time.monotonic() + COUNTED_WITHIN_S
        try:
            ends = await self._replica.wal_ends()
            while ends:
                applied = await self._applied.get("")
                if all(_has_reached(applied.get(end.source), end) for end in ends):
                    return True
                if time.monotonic() >= give_up_at:
                    return False
                await asyncio.sleep(ASK_AGAIN_S)
        except (Busy, *REDIS_AWAY):
            pass
        return False

    async def _read_applied(self, _: str) -> dict[str, AppliedPosition]:
        return await self._redis.applied()


def _has_reached(applied: AppliedPosition | None, end: WalEnd) -> bool:
    """Positions of one system compare by timeline first; on an older timeline nothing is known."""
    if applied is None or not applied.at:  # still being written: see fanout/redis_writer.py
        return False
    if (applied.system_id - end.system_id) % 2**64:  # Postgres' bigint is signed, the identifier isn't
        return False
    return applied.timeline >= end.timeline and applied.lsn >= end.lsn
