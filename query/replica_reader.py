"""The reader of Postgres: events, checkpointed tallies, and what the ledger knows of one vote.

It asks the replica (by default the primary), which may come later and go away. `primary_behind` is the primary itself,
for the few questions that a replica which is behind or away must not answer.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from contract.errors import Busy
from contract.position import Position
from contract.standings import SourceTally
from contract.vote_id import Receipt
from query.event import Event, EventSummary
from query.event_look import EventLook
from query.reading_pool import ReadingPool

CONNECTIONS_MAX = 8
# Of a process, where a replica answers reads: so the primary never does more than this for them, whoever asks for what.
PRIMARY_CONNECTIONS_MAX = 2
PRIMARY_ANSWER_WITHIN_S = 1
# Whatever the login's own settings are: a plan for any event locks the partitions of all of them.
PLAN_CACHE_MODE = "force_custom_plan"
# A look-up locks four tables and indexes of its event; a connection may hold 80 locks (ops/embedded/postgresql.conf).
LOOK_UPS_AT_ONCE = 16


class Attempt(NamedTuple):
    """What the ledger knows of one voter in one event, and the number of the event's keys."""

    event_id: str
    event_name: str
    event_status: str
    key_no: int
    accepted: bool
    refused: bool
    archived: bool  # then what isn't found may have been there


class OpenedEvent(NamedTuple):
    """An event in which anybody can have voted, and the number of its keys."""

    event_no: int
    key_no: int
    event_id: str
    event_name: str


class WalEnd(NamedTuple):
    """A position of one source that lies behind everything seen before."""

    source: str
    system_id: int
    timeline: int
    lsn: int

    @property
    def position(self) -> Position:
        """Without whose it is."""
        return Position(self.system_id, self.timeline, self.lsn)


class ReplicaReader(ReadingPool):
    """Asks the Postgres at `url`, a copy where `has_primary`; every method raises `Busy` while it can't answer."""

    def __init__(self, url: str, connections_max: int = CONNECTIONS_MAX, *, has_primary: bool = False) -> None:
        super().__init__(url, "query.sql", connections_max, plan_cache_mode=PLAN_CACHE_MODE)
        self._has_primary = has_primary

    async def event(self, event_id: uuid.UUID) -> Event | None:
        """One event, or None when it is unknown."""
        rows = await self._rows("event", event_id=event_id)
        return msgspec.json.decode(rows[0][0], type=Event) if rows else None

    async def events(
        self, status: str | None, after: uuid.UUID | None, limit: int, *, with_drafts: bool
    ) -> list[EventSummary]:
        """Events of a status, or of any, from the newest on, or from the one made before `after` on."""
        rows = await self._rows("events", status=status, with_drafts=with_drafts, after_id=after, events_max=limit)
        return [msgspec.json.decode(row[0], type=EventSummary) for row in rows]

    async def opened_events(self, after: uuid.UUID | None, limit: int) -> list[OpenedEvent]:
        """Events that are or were open, from the newest on, or from the one made before `after` on."""
        return [OpenedEvent(*row) for row in await self._rows("opened_events", after_id=after, events_max=limit)]

    async def look(self, event_id: uuid.UUID) -> EventLook | None:
        """How an event presents itself, or None when it is unknown or a draft."""
        rows = await self._rows("look", event_id=event_id)
        return msgspec.json.decode(rows[0][0], type=EventLook) if rows else None

    async def joined_event(self, short_code: str) -> str | None:
        """The id of the event of a short code, or None when there is none, or a draft."""
        rows = await self._rows("joined_event", short_code=short_code)
        return str(rows[0][0]) if rows else None

    async def tallies(self, event_ids: Collection[str]) -> list[SourceTally]:
        """The tallies of these events as they were at the last checkpoint."""
        rows = await self._rows("checkpointed_tallies", event_ids=[uuid.UUID(event_id) for event_id in event_ids])
        return [msgspec.json.decode(row[0], type=SourceTally) for row in rows]

    async def attempt(self, receipt: Receipt) -> Attempt | None:
        """What is known of the attempt that a receipt names, or None when there is no such event."""
        rows = await self._rows("attempt", event_no=receipt.event_no, voter=receipt.voter, kind=int(receipt.kind))
        return Attempt(*rows[0]) if rows else None

    async def voted_at(self, asked: Sequence[tuple[int, bytes]]) -> list[tuple[datetime | None, bool]]:
        """When the vote of each (event_no, voter) was accepted, None: there is none; and whether the event is archived.

        Its votes were taken out of the ledger then, so what isn't found may have been there.
        """
        found: list[tuple[datetime | None, bool]] = []
        for start in range(0, len(asked), LOOK_UPS_AT_ONCE):
            some = [{"event_no": no, "voter": voter} for no, voter in asked[start : start + LOOK_UPS_AT_ONCE]]
            found += [(at, archived) for at, archived in await self._rows_of_each("voted_at", some)]
        return found

    async def wal_ends(self) -> list[WalEnd]:
        """Positions behind everything that earlier calls have seen, one a source of this server."""
        return [WalEnd(*row) for row in await self._rows("wal_end")]

    async def behind_s(self) -> float:
        """How old what this server shows is, in seconds; 0.0 when it is up to date, or the primary."""
        ((seconds,),) = await self._rows("behind", has_primary=self._has_primary)
        return float(seconds)

    async def why_not_ready(self) -> str:
        """Why it can't be asked now, or "" ."""
        try:
            await self._rows("alive")
        except Busy:
            return f"{'the replica' if self._has_primary else 'Postgres'} does not answer"
        return ""


class PrimaryReader(ReplicaReader):
    """The same of the primary: few questions at once, and whoever asks doesn't wait for long."""

    answer_within_s = PRIMARY_ANSWER_WITHIN_S

    def __init__(self, url: str) -> None:
        super().__init__(url, PRIMARY_CONNECTIONS_MAX)


def primary_behind(url: str) -> PrimaryReader | None:
    """The primary behind the replica; None: reads go to one server only, and there is nobody else to ask."""
    return PrimaryReader(url) if url else None
