"""The reader of Redis: the sources' tallies of some events, and how far each source is counted, in one round trip."""

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import redis.asyncio
from redis.exceptions import RedisError, ResponseError

from contract.redis_keys import ROAD_WINDOW_S, applied_key, road_key, tally_key
from contract.road import RoadReport
from contract.standings import AppliedPosition, SourceTally

CONNECTIONS_MAX = 16
ANSWER_WITHIN_S = 0.5

REDIS_AWAY = (RedisError, OSError, TimeoutError)
Kept = TypeVar("Kept", SourceTally, AppliedPosition, RoadReport)


@dataclass(frozen=True, slots=True)
class RedisState:
    """Tallies by event, and whether the listeners of all sources are alive and complete."""

    tallies: dict[str, list[SourceTally]]
    fresh: bool


def redis_client(url: str) -> redis.asyncio.Redis:
    """A client whose answers come quickly or not at all; connects when it is used."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS_MAX,
        timeout=ANSWER_WITHIN_S,
        socket_timeout=ANSWER_WITHIN_S,
        socket_connect_timeout=ANSWER_WITHIN_S,
    )
    return redis.asyncio.Redis.from_pool(pool)


class RedisReader:
    """Reads `sources`; a listener that was silent for `stale_after_s` is taken for dead."""

    def __init__(self, client: redis.asyncio.Redis, sources: Sequence[str], stale_after_s: float) -> None:
        self._client = client
        self._sources = sources
        self._stale_after_s = stale_after_s

    async def state(self, event_ids: Collection[str]) -> RedisState:
        """The tallies of these events; raises one of `REDIS_AWAY`. An event without any has an empty list."""
        pipeline = self._client.pipeline(transaction=False)
        for event_id in event_ids:
            for source in self._sources:
                pipeline.hget(tally_key(event_id, source), "payload")
        for source in self._sources:
            pipeline.get(applied_key(source))
        answers = iter(await pipeline.execute(raise_on_error=False))
        tallies = {event_id: self._tallies(next(answers) for _ in self._sources) for event_id in event_ids}
        return RedisState(tallies, self._fresh([_decoded(each, AppliedPosition) for each in answers]))

    async def applied(self) -> dict[str, AppliedPosition]:
        """How far each source is counted, as far as known; raises one of `REDIS_AWAY`."""
        pipeline = self._client.pipeline(transaction=False)  # not one MGET: the keys may live on several nodes
        for source in self._sources:
            pipeline.get(applied_key(source))
        answers = await pipeline.execute(raise_on_error=False)
        decoded = [_decoded(each, AppliedPosition) for each in answers]
        positions = dict(zip(self._sources, decoded, strict=True))
        return {source: position for source, position in positions.items() if position}

    async def reports(self, now: float) -> list[RoadReport]:
        """What the processes said of themselves lately, each its last word; raises one of `REDIS_AWAY`."""
        pipeline = self._client.pipeline(transaction=False)
        for at in (now - ROAD_WINDOW_S, now):
            pipeline.hgetall(road_key(at))
        before, after = await pipeline.execute()
        decoded = [_decoded(each, RoadReport) for each in {**before, **after}.values()]
        return [report for report in decoded if report]

    def _tallies(self, answers: Iterable[object]) -> list[SourceTally]:
        return [tally for each in answers if (tally := _decoded(each, SourceTally))]

    def _fresh(self, applied: Sequence[AppliedPosition | None]) -> bool:
        oldest = time.time() - self._stale_after_s
        return all(position and position.at >= oldest for position in applied)


def _decoded(answer: object, kind: type[Kept]) -> Kept | None:
    """What one key holds, None for nothing; one that another hand has spoilt holds nothing until fanout heals it."""
    if isinstance(answer, ResponseError) and str(answer).startswith("WRONGTYPE"):
        return None
    if isinstance(answer, Exception):
        raise answer
    try:
        return msgspec.json.decode(answer, type=kind) if isinstance(answer, bytes | str) else None
    except msgspec.MsgspecError:
        return None
