"""Events as staff work on them: whole, and as they are at this moment, so a host sees what was changed a moment ago.

Everybody else reads elsewhere. Pages have connections of their own, so that no list keeps a close waiting.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from command.durable_pool import Connection
from command.events.change_runner import ChangeRunner
from contract.errors import InvalidField, NotFound

PAGE_CONTESTANTS_MAX = 20_000  # twenty of the largest events


class WholeContestant(NamedTuple):
    """A contestant, and when it was added."""

    contestant_id: UUID
    contestant_name: str
    contestant_image_url: str
    party: str | None
    created_at: datetime


class WholeEvent(NamedTuple):
    """An event with its contestants in their order, and when it was made and last changed."""

    event_id: UUID
    event_name: str
    event_description: str | None
    status: str
    opens_at: datetime | None
    closes_at: datetime | None
    created_at: datetime
    changed_at: datetime
    contestants: list[WholeContestant]


class WholeEvents(NamedTuple):
    """A page of events, and how many there are on all pages."""

    events: list[WholeEvent]
    total: int


class EventReading:
    """Reads events on the primary: pages through its own runner, one event within somebody's change."""

    def __init__(self, runner: ChangeRunner) -> None:
        self._runner = runner

    async def find(self, connection: Connection, event_id: UUID) -> WholeEvent:
        """One event, as this connection's transaction has left it; `NotFound`."""
        found = await self._whole(connection, "whole_event", {"event_id": event_id})
        if not found:
            raise NotFound("event not found", field="event_id")
        return found[0]

    async def contestant(self, connection: Connection, event_id: UUID, contestant_id: UUID) -> WholeContestant:
        """One contestant in the same way; `NotFound`."""
        for each in (await self.find(connection, event_id)).contestants:
            if each.contestant_id == contestant_id:
                return each
        raise NotFound("contestant not found", field="contestant_id")

    async def page(self, statuses: Sequence[str] | None, skipped: int, events_max: int) -> WholeEvents:
        """Events of these statuses (None: of any), newest first, without so many of the newest.

        `InvalidField`: that many events have more contestants than a page may have.
        """

        async def work(connection: Connection) -> WholeEvents:
            wanted = {"statuses": None if statuses is None else list(statuses)}
            total = (await self._runner.row_of(connection, "count_events", wanted))["total"]
            asked = {**wanted, "skipped": skipped, "events_max": events_max}
            return WholeEvents(await self._whole(connection, "whole_events", asked) if skipped < total else [], total)

        return await self._runner.read(work)

    async def _whole(self, connection: Connection, name: str, asked: dict[str, Any]) -> list[WholeEvent]:
        events: list[WholeEvent] = []
        contestants_left = PAGE_CONTESTANTS_MAX
        for row in await self._runner.rows_of(connection, name, asked):
            events.append(await self._with_contestants(connection, row))  # an event a turn: votes come in between
            contestants_left -= len(events[-1].contestants)
            if contestants_left < 0:
                raise InvalidField("size is too large where events have so many contestants", field="size")
        return events

    async def _with_contestants(self, connection: Connection, row: dict[str, Any]) -> WholeEvent:
        found = await self._runner.rows_of(connection, "whole_contestants", {"event_no": row.pop("event_no")})
        added = row.pop("added") or {}
        contestants = []
        for each in found:
            said = added.get(str(each["contestant_id"]))
            created_at = datetime.fromisoformat(said) if said else row["created_at"]
            contestants.append(WholeContestant(**each, created_at=created_at))
        return WholeEvent(**row, contestants=contestants)
