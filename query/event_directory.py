"""Events as readers need them, each at most two seconds old; unknown ids are remembered as long as known ones.

While Postgres is away, known events keep being served.
"""

from uuid import UUID

from contract.errors import NotFound
from contract.tokens import Caller
from query.event import Event, require_listed
from query.recent_cache import RecentCache
from query.replica_reader import ReplicaReader

EVENT_AGE_S = 2
EVENTS_MAX = 2_000


class EventDirectory:
    """Finds events by their id."""

    def __init__(self, replica: ReplicaReader) -> None:
        self._events = RecentCache(replica.event, EVENT_AGE_S, EVENTS_MAX)

    async def find(self, event_id: UUID, caller: Caller) -> Event:
        """The event, as far as this caller may know of it; `NotFound`, `Busy` when it can't be asked for."""
        event = await self.current(event_id)
        require_listed(event.status, caller)
        return event

    async def current(self, event_id: UUID) -> Event:
        """The event whoever asks: for those who are looked at elsewhere, see results_door."""
        event = await self._events.get(event_id)
        if event is None:
            raise NotFound("event not found", field="event_id")
        return event
