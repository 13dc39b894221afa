"""The reader of what takes long, or what only staff may know: on connections of its own, so that nobody else waits.

A statement runs on one core of the server, reads one event's partitions, and is given up after minutes.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from contract.errors import NotFound
from contract.vote_id import VoteKind
from query.reading_pool import ReadingPool
from query.replica_reader import PLAN_CACHE_MODE

CONNECTIONS_MAX = 3  # two count (vote_counter.py), the third one answers
ANSWER_WITHIN_S = 300


class EventFacts(NamedTuple):
    """What is kept of an event besides what everybody sees; `ballot_seal` is 16 bytes."""

    leaves: int
    archived: bool
    assurance_min: str
    eligible_voters: int | None
    rehearsal: bool
    opened_at: datetime | None
    closed_at: datetime | None
    ballot_seal: bytes | None
    voided_at: datetime | None
    void_reason: str | None


class LeafCount(NamedTuple):
    """So many votes in a minute, or else from a region."""

    minute: datetime | None
    region: str | None
    votes: int


class SourcePosition(NamedTuple):
    """How far a source is counted."""

    source: str
    system_id: int
    timeline: int
    lsn: str
    epoch: int


class AuditRow(NamedTuple):
    """Who did what; what it was `before` and `after` is JSON."""

    audit_no: int
    at: str
    actor: str | None
    operator: str | None
    role: str | None
    action: str
    event_id: str | None
    trace_id: str | None
    before: str | None
    after: str | None


class StatisticsReader(ReadingPool):
    """Asks the Postgres at `url`; every method raises `Busy` while it can't answer, or not in time."""

    answer_within_s = ANSWER_WITHIN_S

    def __init__(self, url: str) -> None:
        super().__init__(
            url,
            "statistics.sql",
            CONNECTIONS_MAX,
            plan_cache_mode=PLAN_CACHE_MODE,
            statement_timeout=f"{ANSWER_WITHIN_S}s",
            max_parallel_workers_per_gather="0",
        )

    async def facts(self, event_no: int) -> EventFacts:
        """What is kept of this event; `NotFound`."""
        rows = await self._rows("event_facts", event_no=event_no)
        if not rows:
            raise NotFound("event not found", field="event_id")
        return EventFacts(*rows[0])

    async def leaf(self, event_no: int, leaf: int) -> Iterable[LeafCount]:
        """The votes of one leaf, by minute and by region."""
        return (LeafCount(*row) for row in await self._rows("count_leaf", event_no=event_no, leaf=leaf))

    async def choices(self, event_no: int) -> dict[str, dict[int, int]]:
        """By region the votes for each contestant's number, as far as they may be told: nothing before the end."""
        choices: defaultdict[str, dict[int, int]] = defaultdict(dict)
        for region, contestant_no, votes in await self._rows("count_choices", event_no=event_no):
            choices[region][contestant_no] = votes
        return choices

    async def refusals(self, event_no: int) -> dict[VoteKind, int]:
        """How many voters were refused, by reason."""
        return {VoteKind(kind): voters for kind, voters in await self._rows("count_refusals", event_no=event_no)}

    async def assurances(self, event_no: int) -> dict[str, int]:
        """How many votes came from people of each level of assurance, as far as evidence tells."""
        return dict(await self._rows("assurances", event_no=event_no))

    async def devices(self, event_no: int, part: int, parts: int) -> int:
        """On how many devices votes were cast, of one of so many parts of them, a power of two."""
        return int((await self._rows("count_devices", event_no=event_no, slice=part, slices=parts))[0][0])

    async def positions(self) -> list[SourcePosition]:
        """How far each source is counted."""
        return [SourcePosition(*row) for row in await self._rows("positions")]

    async def audit_log(
        self, actor: uuid.UUID | None, event_id: uuid.UUID | None, before_no: int | None, entries_max: int
    ) -> list[AuditRow]:
        """Entries, newest first: before a number, by an actor, of an event; None: of any."""
        rows = await self._rows(
            "audit_log", actor=actor, event_id=event_id, before_no=before_no, entries_max=entries_max
        )
        return [AuditRow(*row) for row in rows]
