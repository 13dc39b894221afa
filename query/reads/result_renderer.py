"""Rendered results, for a crowd: each made once a tenth of a second, whatever the number of requests.

Redis and the replica see one read for each event and view in that time.
"""

from uuid import UUID

from query.event import Event
from query.event_directory import EventDirectory
from query.reads.result_views import Rendered, View
from query.recent_cache import RecentCache
from query.standings_reader import StandingsReader

RENDERED_AGE_S = 0.1
RENDERED_MAX = 1_000


class ResultRenderer:
    """Renders views of events with their newest standings."""

    def __init__(self, events: EventDirectory, standings: StandingsReader) -> None:
        self._events = events
        self._standings = standings
        self._rendered = RecentCache(self._render, RENDERED_AGE_S, RENDERED_MAX)

    async def rendered(self, event: Event, view: View) -> Rendered:
        """The view of this event; `Busy` when nobody knows its numbers."""
        return await self._rendered.get((view, event.event_id))

    async def _render(self, what: tuple[View, str]) -> Rendered:
        view, event_id = what
        event = await self._events.current(UUID(event_id))
        return view(event, await self._standings.read(event))
