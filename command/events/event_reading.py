"""Events as staff work on them: whole, and as they are at this moment, so a host sees what was changed a moment ago.

Everybody else reads elsewhere; these few share the connections of staff's changes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from command.durable_pool import Connection
from command.events.change_runner import ChangeRunner
from contract.errors import NotFound


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
    """Reads events on the primary."""

    def __init__(self, runner: ChangeRunner) -> None:
        self._runner = runner

    async def find(self, event_id: UUID) -> WholeEvent:
        """One event; `NotFound`."""

        async def work(connection: Connection) -> list[WholeEvent]:
            return await self._whole(connection, "whole_event", {"event_id": event_id})

        found = await self._runner.run(work)
        if not found:
            raise NotFound("event not found", field="event_id")
        return found[0]

    async def page(self, statuses: Sequence[str] | None, skipped: int, events_max: int) -> WholeEvents:
        """Events of these statuses (None: of any), newest first, without so many of the newest."""

        async def work(connection: Connection) -> WholeEvents:
            wanted = {"statuses": None if statuses is None else list(statuses)}
            total = (await self._runner.row_of(connection, "count_events", wanted))["total"]
            asked = {**wanted, "skipped": skipped, "events_max": events_max}
            return WholeEvents(await self._whole(connection, "whole_events", asked) if skipped < total else [], total)

        return await self._runner.run(work)

    async def _whole(self, connection: Connection, name: str, asked: dict[str, Any]) -> list[WholeEvent]:
        rows = await self._runner.rows_of(connection, name, asked)
        numbers = [row.pop("event_no") for row in rows]
        added = [row.pop("added") or {} for row in rows]
        contestants: dict[int, list[WholeContestant]] = {number: [] for number in numbers}
        when = {number: (row["created_at"], times) for number, row, times in zip(numbers, rows, added, strict=True)}
        for each in await self._runner.rows_of(connection, "contestants_of_events", {"event_nos": numbers}):
            number = each.pop("event_no")
            made_at, later = when[number]
            said = later.get(str(each["contestant_id"]))
            each["created_at"] = datetime.fromisoformat(said) if said else made_at
            contestants[number].append(WholeContestant(**each))
        return [WholeEvent(**row, contestants=contestants[number]) for number, row in zip(numbers, rows, strict=True)]
