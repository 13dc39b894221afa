"""Tallies in Redis without a fanout."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec
import redis

from contract.redis_keys import STANDINGS_CHANNEL, applied_key, tally_key
from contract.standings import AppliedPosition, SourceTally
from ops.rig.event import Event

AS_OF = "2026-01-01T20:15:00.000000Z"


class Tallies:
    """Stands where fanout stands: writes one source's tallies, publishes them, and says how far it is."""

    def __init__(self, redis_url: str, source: str = "main") -> None:
        self._client = redis.Redis.from_url(redis_url)
        self._source = source

    def write(
        self,
        event: Event,
        counts: Mapping[int, int],
        lsn: int = 100,
        status: str = "open",
        epoch: int = 1,
        **on_air: Any,
    ) -> None:
        """An event's absolute counts at a position, by default as if nothing had changed; the listener is alive."""
        tally = SourceTally(event.event_id, self._source, epoch, lsn, status, AS_OF, dict(counts), **on_air)
        payload = msgspec.json.encode(tally)
        self._client.hset(tally_key(event.event_id, self._source), "payload", payload)
        self.applied(lsn)
        self._client.publish(STANDINGS_CHANNEL, payload)

    def applied(self, lsn: int, *, system_id: int = 7, timeline: int = 1, age_s: float = 0) -> None:
        """How far the source is counted, said `age_s` ago; kept alive by saying that it was in the future."""
        alive_at = time.time() - age_s if age_s else time.time() + 3600
        position = AppliedPosition(system_id, timeline, lsn, alive_at)
        self._client.set(applied_key(self._source), msgspec.json.encode(position))
