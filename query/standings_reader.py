"""The reader of standings: Redis first, the checkpoint on the replica when Redis is away or knows nothing.

It remembers what it showed of each event (bounded), so that neither an old Redis nor an older checkpoint
takes a number back. While both are away it shows nothing: what is shown may have been hidden meanwhile. (Whoever is cut
off from Redis alone learns that from a replica, so no later than that replays it.)
"""

import contextlib
import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from contract.errors import Busy
from contract.standings import SourceTally
from query.event import Event
from query.reading import Reading, follow, from_checkpoint, from_redis
from query.redis_reader import REDIS_AWAY, RedisReader, RedisState
from query.replica_reader import ReplicaReader

EVENTS_REMEMBERED_MAX = 10_000

log = logging.getLogger(__name__)


class StandingsReader:
    """Reads the standings of events from `sources`."""

    def __init__(self, redis: RedisReader, replica: ReplicaReader, sources: Sequence[str]) -> None:
        self._redis = redis
        self._replica = replica
        self._sources = sources
        self._shown: OrderedDict[str, Reading] = OrderedDict()
        self._redis_away = False

    async def read(self, event: Event) -> Reading:
        """What to show of one event now; `Busy` when nobody knows."""
        readings = await self.read_many([event])
        if event.event_id not in readings:
            raise Busy
        return readings[event.event_id]

    async def read_many(self, events: Iterable[Event]) -> dict[str, Reading]:
        """What to show now of those of these events that somebody knows, in one round trip."""
        by_id = {event.event_id: event for event in events}
        state = await self._state(by_id)
        readings: dict[str, Reading] = {}
        for event_id, tallies in state.tallies.items():
            reading = from_redis(tallies, self._sources, fresh=state.fresh)
            if reading is not None:
                readings[event_id] = self._remember(event_id, reading)
        missing = [event for event_id, event in by_id.items() if event_id not in readings]
        with contextlib.suppress(Busy):
            readings |= await self._checkpointed(missing) if missing else {}
        return readings

    async def _state(self, event_ids: Iterable[str]) -> RedisState:
        try:
            state = await self._redis.state(list(event_ids))
        except REDIS_AWAY as error:
            if not self._redis_away:
                log.warning("Redis is away, showing checkpoints", extra={"reason": str(error)})
            self._redis_away = True
            return RedisState({}, fresh=False)
        if self._redis_away:
            log.info("Redis is back")
        self._redis_away = False
        return state

    async def _checkpointed(self, events: Sequence[Event]) -> dict[str, Reading]:
        by_event: dict[str, list[SourceTally]] = {event.event_id: [] for event in events}
        for tally in await self._replica.tallies(by_event):
            by_event[tally.event_id].append(tally)
        readings = {}
        for event in events:
            tallies = by_event[event.event_id]
            reading = from_checkpoint(tallies, self._sources, event.event_id, event.status)
            readings[event.event_id] = self._remember(event.event_id, reading)
        return readings

    def _remember(self, event_id: str, read: Reading) -> Reading:
        reading = self._shown[event_id] = follow(self._shown.get(event_id), read)
        self._shown.move_to_end(event_id)
        if len(self._shown) > EVENTS_REMEMBERED_MAX:
            self._shown.popitem(last=False)
        return reading
