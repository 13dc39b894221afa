"""What staff change of elections: the use cases of events, each with what it leaves, read in the same transaction.

So a change that is committed is answered, whoever else waits for connections: a client that was answered 503 would
repeat it, and a create without a key would make a second election.
"""

from uuid import UUID

from command.durable_pool import Connection
from command.events.change_runner import Actor, Answer, ChangeRunner, Work
from command.events.event_changes import Action, EventChanges
from command.events.event_draft import EventDraft, NewContestant
from command.events.event_edit import ContestantEdit, EventEdit
from command.events.event_editing import EventEditing
from command.events.event_making import EventMaking, Repeatable
from command.events.event_reading import EventReading, WholeContestant, WholeEvent
from contract.errors import WrongState

NOT_OPENED = ("draft", "scheduled")


class ElectionChanges:
    """Changes events and their contestants; each answers the whole of what it has changed."""

    def __init__(  # each use case of events that has one here, and how both parts become one transaction
        self,
        runner: ChangeRunner,
        making: EventMaking,
        editing: EventEditing,
        changes: EventChanges,
        events: EventReading,
    ) -> None:
        self._runner = runner
        self._making = making
        self._editing = editing
        self._changes = changes
        self._events = events

    async def create(self, by: Actor, draft: EventDraft, repeatable: Repeatable) -> WholeEvent:
        """As `EventMaking.create`, for the caller."""
        creating = self._making.creating(by, draft, repeatable)

        async def work(connection: Connection) -> WholeEvent:
            return await self._events.find(connection, (await creating(connection)).event_id)

        return await self._runner.run(work)

    async def edit(self, by: Actor, event_id: UUID, edit: EventEdit) -> WholeEvent:
        """As `EventEditing.edit` for what hides nothing, before the event has opened: else `WrongState`."""
        editing = self._editing.editing(by, event_id, edit)

        async def work(connection: Connection) -> None:
            if (await editing(connection)).status not in NOT_OPENED:  # it is locked by now, and no edit changes that
                raise WrongState("can't change an event once voting has started")

        return await self._whole_after(work, event_id)

    async def change_status(self, by: Actor, event_id: UUID, action: Action, key: str | None) -> WholeEvent:
        """As `EventChanges.change_status`."""
        return await self._whole_after(self._changes.changing_status(by, event_id, action, key), event_id)

    async def add_contestant(self, by: Actor, event_id: UUID, contestant: NewContestant) -> WholeContestant:
        """As `EventEditing.add_contestant`."""
        adding = self._editing.adding_contestant(by, event_id, contestant)

        async def work(connection: Connection) -> WholeContestant:
            added = await adding(connection)
            return await self._events.contestant(connection, event_id, added.contestant_id)

        return await self._runner.run(work)

    async def edit_contestant(
        self, by: Actor, event_id: UUID, contestant_id: UUID, edit: ContestantEdit
    ) -> WholeContestant:
        """As `EventEditing.edit_contestant`."""
        editing = self._editing.editing_contestant(by, event_id, contestant_id, edit)

        async def work(connection: Connection) -> WholeContestant:
            await editing(connection)
            return await self._events.contestant(connection, event_id, contestant_id)

        return await self._runner.run(work)

    async def _whole_after(self, change: Work[Answer], event_id: UUID) -> WholeEvent:
        async def work(connection: Connection) -> WholeEvent:
            await change(connection)
            return await self._events.find(connection, event_id)

        return await self._runner.run(work)
