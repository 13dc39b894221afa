"""Events as readers need them, each at most two seconds old; unknown ids are remembered as long as known ones.

An event of which a later change was heard through Redis is asked for anew: so a change shows at once, and a replica
that lags behind Redis is asked five times a second and no more; or in its place the primary, where that may be asked.
While Postgres is away, known events keep being served.
"""

import contextlib
from collections import OrderedDict
from uuid import UUID

from contract.errors import Busy, NotFound
from contract.tokens import Caller
from query.event import Event, require_listed
from query.recent_cache import RecentCache
from query.replica_reader import ReplicaReader

EVENT_AGE_S = 2.0
BEHIND_AGE_S = 0.2
EVENTS_MAX = 2_000


class EventDirectory:
    """Finds events by their id; on the `primary`, if there is one besides, those that the replica hasn't yet."""

    def __init__(
        self, replica: ReplicaReader, primary: ReplicaReader | None = None, age_s: float = EVENT_AGE_S
    ) -> None:
        self._events = RecentCache(replica.event, age_s, EVENTS_MAX)
        self._newest = RecentCache(primary.event, BEHIND_AGE_S, EVENTS_MAX) if primary else None
        self._heard: OrderedDict[str, int] = OrderedDict()

    def hear(self, event_id: str, change_no: int) -> None:
        """Take notice of an event's newest change; of the events heard of last, so many as are kept."""
        self._heard[event_id] = change_no
        self._heard.move_to_end(event_id)
        if len(self._heard) > EVENTS_MAX:
            self._heard.popitem(last=False)

    async def find(self, event_id: UUID, caller: Caller | None) -> Event:
        """The event, as far as this caller (None: anybody) may know of it; `NotFound`, `Busy` when it can't be told."""
        event = await self.current(event_id)
        require_listed(event.status, caller)
        return event

    async def current(self, event_id: UUID) -> Event:
        """The event whoever asks: for those who are looked at elsewhere (results_access)."""
        event = await self._events.get(event_id)
        if self._is_behind(event_id, event):
            event = await self._ask_again(event_id)
        if event is None:
            raise NotFound("event not found", field="event_id")
        return event

    async def _ask_again(self, event_id: UUID) -> Event | None:
        if self._newest:
            with contextlib.suppress(Busy):
                return await self._newest.get(event_id)
        return await self._events.get(event_id, BEHIND_AGE_S)

    def _is_behind(self, event_id: UUID, event: Event | None) -> bool:
        heard = self._heard.get(str(event_id))
        return heard is not None and (event is None or event.change_no < heard)
