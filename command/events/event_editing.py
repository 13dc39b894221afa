"""What staff change of an event before it is over, and of its contestants before it opens: the use cases."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from command.durable_pool import Connection
from command.events.change_runner import Actor, ChangeRunner, Work
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
        fields = await self._runner.run(self.editing(by, event_id, edit))
        if edit.may_hide:
            await self._hearing.wait_until_hidden()
        return fields

    def editing(self, by: Actor, event_id: UUID, edit: EventEdit) -> Work[EventFields]:
        """The same as work of a larger transaction, for what hides nothing; `InvalidField` at once."""
        asked = {"event_id": event_id, "changes": Jsonb(edit.checked()), **by._asdict()}

        async def work(connection: Connection) -> EventFields:
            return EventFields(**await self._runner.row_of(connection, "edit_event", asked))

        return work

    async def add_contestant(self, by: Actor, event_id: UUID, contestant: NewContestant) -> ContestantFields:
        """Add one behind the others; `InvalidField`, `NotFound`, `WrongState`."""
        return await self._runner.run(self.adding_contestant(by, event_id, contestant))

    def adding_contestant(self, by: Actor, event_id: UUID, contestant: NewContestant) -> Work[ContestantFields]:
        """The same as work of a larger transaction; `InvalidField` at once."""
        content = msgspec.to_builtins(contestant)
        require_contestant(content)
        skeleton = look_of(contestant.contestant_name)
        asked = {"event_id": event_id, "contestant": Jsonb(content), "skeleton": skeleton, **by._asdict()}
        return self._contestant_work("add_contestant", asked)

    async def edit_contestant(
        self, by: Actor, event_id: UUID, contestant_id: UUID, edit: ContestantEdit
    ) -> ContestantFields:
        """Change what is named; `InvalidField`, `NotFound`, `WrongState`."""
        return await self._runner.run(self.editing_contestant(by, event_id, contestant_id, edit))

    def editing_contestant(
        self, by: Actor, event_id: UUID, contestant_id: UUID, edit: ContestantEdit
    ) -> Work[ContestantFields]:
        """The same as work of a larger transaction; `InvalidField` at once."""
        changes = edit.checked()
        asked = {
            "event_id": event_id,
            "contestant_id": contestant_id,
            "changes": Jsonb(changes),
            "skeleton": look_of(changes["contestant_name"]) if "contestant_name" in changes else None,
            **by._asdict(),
        }
        return self._contestant_work("edit_contestant", asked)

    async def remove_contestant(self, by: Actor, event_id: UUID, contestant_id: UUID) -> None:
        """Take one out; `NotFound`, `WrongState`."""
        await self._runner.row("remove_contestant", event_id=event_id, contestant_id=contestant_id, **by._asdict())

    def _contestant_work(self, name: str, asked: Mapping[str, object]) -> Work[ContestantFields]:
        async def work(connection: Connection) -> ContestantFields:
            return ContestantFields(**await self._runner.row_of(connection, name, asked))

        return work
