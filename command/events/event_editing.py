"""What staff change of an event before it is over, and of its contestants before it opens: the use cases."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from command.events.change_runner import Actor, ChangeRunner
from command.events.event_draft import NewContestant, look_of, require_contestant
from command.events.event_edit import ContestantEdit, EventEdit
from command.events.hearing_wait import HearingWait


class EventFields(NamedTuple):
    """What can be changed of an event, as it is now."""

    status: str
    event_name: str
    event_description: str | None
    opens_at: datetime | None
    closes_at: datetime | None
    results_visibility: str
    captcha: bool
    theme: dict[str, Any] | None


class ContestantFields(NamedTuple):
    """A contestant as it is now."""

    contestant_id: UUID
    contestant_name: str
    contestant_description: str
    contestant_image_url: str
    party: str | None
    order_no: int


class EventEditing:
    """Changes what events are; each is locked meanwhile, so none opens with half a change."""

    def __init__(self, runner: ChangeRunner, hearing: HearingWait) -> None:
        self._runner = runner
        self._hearing = hearing

    async def edit(self, by: Actor, event_id: UUID, edit: EventEdit) -> EventFields:
        """Change what is named; `InvalidField`, `NotFound`, `WrongState`."""
        row = await self._runner.row("edit_event", event_id=event_id, changes=Jsonb(edit.checked()), **by._asdict())
        if edit.may_hide:
            await self._hearing.wait_until_hidden()
        return EventFields(**row)

    async def add_contestant(self, by: Actor, event_id: UUID, contestant: NewContestant) -> ContestantFields:
        """Add one behind the others; `InvalidField`, `NotFound`, `WrongState`."""
        content = msgspec.to_builtins(contestant)
        require_contestant(content)
        return _contestant(
            await self._runner.row(
                "add_contestant",
                event_id=event_id,
                contestant=Jsonb(content),
                skeleton=look_of(contestant.contestant_name),
                **by._asdict(),
            )
        )

    async def edit_contestant(
        self, by: Actor, event_id: UUID, contestant_id: UUID, edit: ContestantEdit
    ) -> ContestantFields:
        """Change what is named; `InvalidField`, `NotFound`, `WrongState`."""
        changes = edit.checked()
        return _contestant(
            await self._runner.row(
                "edit_contestant",
                event_id=event_id,
                contestant_id=contestant_id,
                changes=Jsonb(changes),
                skeleton=look_of(changes["contestant_name"]) if "contestant_name" in changes else None,
                **by._asdict(),
            )
        )

    async def remove_contestant(self, by: Actor, event_id: UUID, contestant_id: UUID) -> None:
        """Take one out; `NotFound`, `WrongState`."""
        await self._runner.row("remove_contestant", event_id=event_id, contestant_id=contestant_id, **by._asdict())


def _contestant(row: DictRow) -> ContestantFields:
    return ContestantFields(**row)
