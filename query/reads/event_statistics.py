"""An event's figures, whatever dialect they are asked in; vote_counter counts.

Totals are as fresh as everywhere. What has to be counted in the ledger is so old as its `as_of` says.
"""

from typing import NamedTuple
from uuid import UUID

from query.event import Event
from query.event_directory import EventDirectory
from query.on_air import Audience, Shown, see
from query.reads.statistics_reader import EventFacts, StatisticsReader
from query.reads.vote_counter import VoteCounter
from query.reads.vote_counts import VoteCounts
from query.standings_reader import StandingsReader


class EventFigures(NamedTuple):
    """All that is known of an event; `counts` is None while it is counted for the first time, and once archived."""

    event: Event
    facts: EventFacts
    shown: Shown
    counts: VoteCounts | None

    def choices_in(self, region: str) -> list[tuple[str, int]]:
        """Contestants' ids with their votes from a region, in the host's order; none while they may not be told."""
        told = self.counts.choices.get(region, {}) if self.counts else {}
        contestants = [each for each in self.event.contestants if each.contestant_no in told]
        return [(each.contestant_id, told[each.contestant_no]) for each in contestants]


class EventStatistics:
    """Finds out what an event's figures are, for those who may see all."""

    def __init__(
        self, events: EventDirectory, standings: StandingsReader, reader: StatisticsReader, counter: VoteCounter
    ) -> None:
        self._events = events
        self._standings = standings
        self._reader = reader
        self._counter = counter

    async def of(self, event_id: UUID) -> EventFigures:
        """The figures of this event; `NotFound`, `Busy`."""
        event = await self._events.current(event_id)
        facts = await self._reader.facts(event.event_no)
        votes = (await self._shown(event)).total_votes
        counts = None if facts.archived else await self._counter.counts(event, facts.leaves, votes)
        return EventFigures(event, facts, await self._shown(event), counts)  # anew: the first count may take seconds

    async def _shown(self, event: Event) -> Shown:
        shown = see(event, await self._standings.read(event), Audience.STAFF)
        assert shown  # staff see all at any time
        return shown
