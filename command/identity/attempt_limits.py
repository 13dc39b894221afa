"""How often somebody may try: per account and per address apart, in sliding windows that all identity processes share.

    address over its limit, or account over its limit ─► TooMany, with the seconds until there is room
    right password ─► the account's window is empty again

An account is counted by its name, however that is spelled, and whether it exists or not: so the answer doesn't tell.
Names are in Redis as keyed hashes only. Redis away, slow or flushed: nothing is limited here, and a metric says so.
Passwords still take turns by address at the hasher, and the ledger still takes one vote a person.
"""

import logging
import time

from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from prometheus_client import Counter
from redis import RedisError

from command.identity.account_fields import folded
from command.identity.personal_data import PersonHash
from command.identity.settings import Attempts
from contract import metric_names
from contract.errors import TooMany

REDIS_TIMEOUT_S = 0.25

REFUSED = Counter(metric_names.LOGIN_ATTEMPTS_REFUSED, "Logins and registrations refused by a limit", ["limit"])
UNLIMITED = Counter(metric_names.LOGIN_ATTEMPTS_UNLIMITED, "Attempts that went uncounted since Redis didn't answer")

log = logging.getLogger(__name__)


class AttemptLimits:
    """Counts attempts; without a Redis it counts nothing."""

    def __init__(self, redis_url: str, allowed: Attempts, hashes: PersonHash) -> None:
        self._allowed = allowed
        self._hashes = hashes
        self._windows: SlidingWindowCounterRateLimiter | None = None
        if redis_url:
            storage = RedisStorage(
                f"async+{redis_url}",
                implementation="redispy",
                key_prefix="attempts",
                socket_timeout=REDIS_TIMEOUT_S,
                socket_connect_timeout=REDIS_TIMEOUT_S,
            )
            self._windows = SlidingWindowCounterRateLimiter(storage)

    async def login(self, name: str, address: str, *, with_challenge: bool = False) -> None:
        """Count a login for this name from this address; `TooMany`.

        Who has solved a challenge for it isn't held up by what others did to the account.
        """
        await self._count("address", self._allowed.logins_per_address, address)
        if not with_challenge:
            await self._count("account", self._allowed.logins_per_account, self._key(name))

    async def registration(self, address: str) -> None:
        """Count a registration from this address; `TooMany`."""
        await self._count("registrations", self._allowed.registrations_per_address, address)

    async def forgive(self, name: str) -> None:
        """The owner was there: nothing is held against the account any more."""
        if self._windows is None:
            return
        try:
            await self._windows.clear(self._allowed.logins_per_account, "account", self._key(name))
        except (RedisError, OSError, TimeoutError):
            UNLIMITED.inc()

    async def _count(self, what: str, allowed: RateLimitItem, who: str) -> None:
        if self._windows is None:
            return
        try:
            if await self._windows.hit(allowed, what, who):
                return
            window = await self._windows.get_window_stats(allowed, what, who)
        except (RedisError, OSError, TimeoutError) as error:
            UNLIMITED.inc()
            log.warning("attempts can't be counted", extra={"reason": str(error)})
            return
        REFUSED.labels(what).inc()
        raise TooMany(retry_after_s=max(1, int(window.reset_time - time.time()) + 1))

    def _key(self, name: str) -> str:
        return self._hashes.of(folded(name)).hex()
