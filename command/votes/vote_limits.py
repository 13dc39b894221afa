"""How often votes may be sent: by account and by address apart, in sliding windows, counted in this process' memory.

    account over its limit ───────────────────────────────────────────► 429 with Retry-After, no receipt
    account without a try in its window ─► address over its limit ────► the same
    account that was let in in this window ─► goes on, whatever others do at its address

A person has one vote an event, and retries: an account's limit is for programs. What an address counts is accounts, not
tries, so within a window others hold back no retry; its limit is above what honest phones behind one address can send,
since each needs a port of it. Who is told 429 is not refused: nothing was written or taken back; the same vote gets its
answer once there is room, the receipt of one that was accepted included. A 429 itself isn't counted, so whoever goes on
and on gets through as often as the limit says.

Nothing is asked of anybody. The command processes tell each other what they count of accounts through Redis in the
background, as the fraud rules do; without Redis, and when memory is full of others, more gets through. An address is
counted by each process for itself: a retry that comes to another process is a new account there, so that a sum would
count an honest phone once a process. What one address may send in all grows with the processes, as what they can take.
"""

import math
import time
from collections.abc import Coroutine, Iterable
from typing import Any
from uuid import UUID

import prometheus_client
from limits import RateLimitItem

from command.settings import VoteLimiting
from command.votes.keyed_hash import keyed_hash
from command.votes.rules.attempt_counter import AttemptCounter
from command.votes.rules.count_sharer import CountSharer
from command.votes.rules.evidence import Counting
from command.votes.vote_batcher import EventKey
from contract import metric_names
from contract.errors import TooMany

LIMITED = prometheus_client.Counter(
    metric_names.LIMITED, "Votes that were told to come later, by what was over", ["limit"]
)

_NO_EVENT = EventKey(0, UUID(int=1))  # in the place of one where counts are shared


class Pace:
    """So many under one key in a sliding window, by all processes if there is a `redis_url`."""

    def __init__(self, name: str, allowed: RateLimitItem, keys_max: int, redis_url: str = "") -> None:
        window_s = allowed.get_expiry()
        counting = Counting(window_s, new_before_opening_s=0, steady_within_percent=0, steady_from_ms=0)
        self._allowed = allowed.amount
        self._counter = AttemptCounter(counting, keys_max, shared=bool(redis_url))
        self._limited = LIMITED.labels(name)
        self.sharer = CountSharer(redis_url, self._counter, window_s) if redis_url else None

    def require(self, key: int, at_ms: int) -> int:
        """How many there are in the window that ends now; `TooMany` when no more may be."""
        count, wait_ms = self._counter.room(key, at_ms, self._allowed)
        if wait_ms:
            self._limited.inc()
            raise TooMany("too many votes at once", retry_after_s=math.ceil(wait_ms / 1000))
        return count

    def add(self, key: int, at_ms: int) -> None:
        """Count one."""
        self._counter.add(_NO_EVENT, key, at_ms)


class VoteLimits:
    """The limits of one process; `key` makes the hashes that others see."""

    def __init__(self, settings: VoteLimiting, key: bytes) -> None:
        self._key = key
        self._accounts = Pace("account", settings.per_account, settings.keys_max, settings.redis_url)
        self._addresses = Pace("address", settings.per_address, settings.keys_max)

    def require(self, user_id: str, address: str) -> None:
        """Count one vote of this account from this address (an IPv4 address or an IPv6 /64); `TooMany`."""
        at_ms = int(time.time() * 1000)
        account = keyed_hash(self._key, 0, user_id, b"account")
        if not self._accounts.require(account, at_ms):
            network = keyed_hash(self._key, 0, address, b"address")
            self._addresses.require(network, at_ms)
            self._addresses.add(network, at_ms)
        self._accounts.add(account, at_ms)

    def work(self) -> Iterable[Coroutine[Any, Any, None]]:
        """Telling the other processes."""
        return [self._accounts.sharer.run()] if self._accounts.sharer else []

    async def close(self) -> None:
        """Let the connection go."""
        if self._accounts.sharer:
            await self._accounts.sharer.close()
