"""Rendered results, for a crowd: each made once a tenth of a second, whatever the number of requests.

Redis and the replica see one read for each event, view and audience in that time.
"""

from uuid import UUID

from contract.standings import SHOWN_FOR_S
from query.event_directory import EventDirectory
from query.on_air import Audience, see
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
        self._rendered = RecentCache(self._render, RENDERED_AGE_S, RENDERED_MAX, SHOWN_FOR_S)

    async def rendered(self, event_id: UUID, view: View, audience: Audience) -> Rendered | None:
        """The view of this event, None if this audience sees nothing; `Busy` when nobody knows its numbers."""
        return await self._rendered.get((view, event_id, audience))

    async def _render(self, what: tuple[View, UUID, Audience]) -> Rendered | None:
        view, event_id, audience = what
        event = await self._events.current(event_id)
        shown = see(event, await self._standings.read(event), audience)
        return view(shown) if shown else None
