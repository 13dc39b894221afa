"""Events as readers need them, each at most two seconds old; unknown ids are remembered as long as known ones.

While Postgres is away, known events keep being served.
"""

from uuid import UUID

from contract.errors import NotFound
from query.event import Event
from query.recent_cache import RecentCache
from query.replica_reader import ReplicaReader

EVENT_AGE_S = 2
EVENTS_MAX = 2_000


class EventDirectory:
    """Finds events by their id."""

    def __init__(self, replica: ReplicaReader) -> None:
        self._events = RecentCache(replica.event, EVENT_AGE_S, EVENTS_MAX)

    async def find(self, event_id: UUID) -> Event:
        """The event; `NotFound` when unknown, `Busy` when it can't be asked for."""
        event = await self._events.get(event_id)
        if event is None:
            raise NotFound("event not found", field="event_id")
        return event
