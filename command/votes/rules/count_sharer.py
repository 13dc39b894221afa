"""Tells the other processes what was counted here, and hears what they counted, through Redis and in the background.

    count ─► waits ─► PING ─► HINCRBY by what is new ─► its answer, less what we told, is what the others have
                        │                           └─ no answer ─► told all the same
                        └─ no answer ─► waits on

No vote waits for it. While Redis is away, or was flushed, each process goes by its own counts, which are lower: the
rules let more through and never fewer. A Redis that answers too late may have added what it was sent, so nothing is
sent twice: the others may never hear of it. The PING keeps that from happening for as long as Redis is away or slow.
"""

import asyncio
import logging
from collections.abc import Sequence

import prometheus_client
import redis.asyncio
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from command.votes.rules.attempt_counter import AttemptCounter, Count, WaitingCount
from contract import metric_names
from contract.redis_keys import counted_key

SHARE_EVERY_S = 0.25
COUNTS_PER_ROUND_MAX = 5_000
ANSWER_WITHIN_S = 1.0
_NEW_SHIFT = 32  # one number carries both: accounts below, new ones above
_ACCOUNTS_MASK = (1 << _NEW_SHIFT) - 1

UNSHARED = prometheus_client.Counter(
    metric_names.COUNTS_UNSHARED, "Rounds in which Redis didn't take a process' counts"
)

log = logging.getLogger(__name__)


class CountSharer:
    """Shares the counts of one process for as long as `run` runs."""

    def __init__(self, redis_url: str, counter: AttemptCounter, window_s: int) -> None:
        self._counter = counter
        self._lifetime_s = 2 * window_s
        self._client = redis.asyncio.Redis.from_url(
            redis_url,
            socket_timeout=ANSWER_WITHIN_S,
            socket_connect_timeout=ANSWER_WITHIN_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._is_away = False

    async def run(self) -> None:
        """Share what waits, a few times a second, until cancelled."""
        while True:
            await asyncio.sleep(SHARE_EVERY_S)
            await self.share()

    async def close(self) -> None:
        """Let the connection go."""
        await self._client.aclose()

    async def share(self) -> None:
        """Share what waits now; what Redis doesn't answer waits on."""
        waiting = self._counter.take_waiting(COUNTS_PER_ROUND_MAX)
        try:
            if waiting:
                await self._tell(waiting)
        except (RedisError, OSError, TimeoutError) as error:
            UNSHARED.inc()
            if not self._is_away:
                log.warning("counts of attempts aren't shared", extra={"reason": str(error)})
            self._is_away = True
            self._counter.wait_again(waiting)
        else:
            self._is_away = False

    async def _tell(self, waiting: Sequence[WaitingCount]) -> None:
        await self._client.ping()
        pipeline = self._client.pipeline(transaction=False)
        told = [(each.known, each.known.window, each.known.accounts, each.known.new) for each in waiting]
        before = [(each.known.accounts_told, each.known.new_told) for each in waiting]
        keys = [counted_key(str(each.event_id), each.known.window) for each in waiting]
        for each, key in zip(waiting, keys, strict=True):
            count = each.known
            more = count.accounts - count.accounts_told + ((count.new - count.new_told) << _NEW_SHIFT)
            pipeline.hincrby(key, str(each.key), more)
            count.accounts_told, count.new_told = count.accounts, count.new  # whether it's answered or not
        for key in dict.fromkeys(keys):
            pipeline.expire(key, self._lifetime_s)
        answers = (await pipeline.execute(raise_on_error=False))[: len(told)]
        for (count, *here), known, answer in zip(told, before, answers, strict=True):
            if not isinstance(answer, Exception):
                _hear(count, here, answer)
            elif count.window == here[0]:
                count.accounts_told, count.new_told = known  # refused for certain
        if refusal := next((answer for answer in answers if isinstance(answer, Exception)), None):
            raise refusal


def _hear(count: Count, here: Sequence[int], total: int) -> None:
    """Redis has had `here` (window, accounts, new ones) of us, and counts `total` by now."""
    window, accounts, new = here
    if count.window != window:
        return  # the next one has begun meanwhile
    count.accounts_elsewhere = max(0, (total & _ACCOUNTS_MASK) - accounts)
    count.new_elsewhere = max(0, (total >> _NEW_SHIFT) - new)
