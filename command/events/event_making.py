"""How events come to be: entered by a host, or made after another one. The use cases."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from command.durable_pool import Connection
from command.events.change_runner import Actor, ChangeRunner, Work
from command.events.event_draft import EventDraft
from command.identity_door import IdentityDoor
from contract.errors import NotFound, NotYours, WrongState
from contract.settings import REHEARSAL_KEYS

Draft = dict[str, Any]  # an event as create_event() takes it


class Repeatable(NamedTuple):
    """By what a request that comes again is known: the client's key (None: it has none), and a digest of 32 bytes."""

    key: str | None
    request: bytes


class EventIds(NamedTuple):
    """A new event; its contestants' ids and names in their order."""

    event_id: UUID
    contestants: list[tuple[UUID, str]]


class EventMaking:
    """Makes events; new ones get the keys `key_no`, rehearsals those that follow from them."""

    def __init__(self, runner: ChangeRunner, people: IdentityDoor, key_no: int) -> None:
        self._runner = runner
        self._people = people
        self._key_no = key_no

    async def create(self, by: Actor, user_id: UUID, draft: EventDraft, repeatable: Repeatable) -> EventIds:
        """Make a draft with its contestants, once for each key.

        `NotFound` or `NotYours`: `user_id` isn't the caller's (`Busy`: which of them can't be said now).
        `Taken`: the key was used for something else.
        """
        work = self.creating(by, draft, repeatable)
        if user_id != by.user_id:
            raise NotYours if await self._people.user_exists(user_id) else NotFound("user not found", field="user_id")
        return await self._runner.run(work)

    def creating(self, by: Actor, draft: EventDraft, repeatable: Repeatable) -> Work[EventIds]:
        """The same for the caller as work of a larger transaction; `InvalidField` at once."""
        content = draft.checked()
        return lambda connection: self._make(connection, by, content, repeatable)

    async def duplicate(self, by: Actor, event_id: UUID, changes: Draft, repeatable: Repeatable) -> EventIds:
        """Make the same again without its schedule, but for these `changes`; `NotFound`, `Taken`."""
        changes = {"previous_event_id": None, **changes}
        return await self._make_after(by, event_id, lambda draft: draft | changes, repeatable)

    async def next_round(
        self, by: Actor, event_id: UUID, contestant_ids: Sequence[UUID], event_name: str, repeatable: Repeatable
    ) -> EventIds:
        """Make an event for these contestants of a closed one, in this order; `NotFound`, `WrongState`, `Taken`."""

        def narrowed(draft: Draft) -> Draft:
            there = {each["contestant_id"]: place for place, each in enumerate(draft["contestants"])}
            if any(str(each) not in there for each in contestant_ids):
                raise NotFound("contestant not found", field="contestant_ids")
            places = [there[str(each)] for each in contestant_ids]
            chosen = {field: [draft[field][place] for place in places] for field in ("contestants", "skeletons")}
            return draft | chosen | {"event_name": event_name, "previous_event_id": str(event_id)}

        return await self._make_after(by, event_id, narrowed, repeatable, only_closed=True)

    async def reset(self, by: Actor, event_id: UUID) -> EventIds:
        """Cancel a rehearsal and make it anew, once; `NotFound`, `WrongState`."""

        async def work(connection: Connection) -> EventIds:
            asked = {"event_id": event_id, "key_no": self._key_no + REHEARSAL_KEYS, **by._asdict()}
            return await self._ids(connection, await self._runner.row_of(connection, "reset_event", asked))

        return await self._runner.run(work)

    async def _make_after(
        self,
        by: Actor,
        event_id: UUID,
        changed: Callable[[Draft], Draft],
        repeatable: Repeatable,
        *,
        only_closed: bool = False,
    ) -> EventIds:
        async def work(connection: Connection) -> EventIds:
            found = await self._runner.rows_of(connection, "event_as_draft", {"event_id": event_id})
            if not found:
                raise NotFound("event not found")
            if only_closed and found[0]["status"] != "closed":
                raise WrongState("a round has to close before the next one is made")
            return await self._make(connection, by, changed(found[0]["draft"]), repeatable)

        return await self._runner.run(work)

    async def _make(self, connection: Connection, by: Actor, draft: Draft, repeatable: Repeatable) -> EventIds:
        key_no = self._key_no + (REHEARSAL_KEYS if draft.get("rehearsal") else 0)
        asked = {"event": Jsonb(draft), "key_no": key_no, **by._asdict(), **repeatable._asdict()}
        return await self._ids(connection, await self._runner.row_of(connection, "create_event", asked))

    async def _ids(self, connection: Connection, created: dict[str, Any]) -> EventIds:
        rows = await self._runner.rows_of(connection, "contestants_of_event", created)
        return EventIds(created["event_id"], [(row["contestant_id"], row["contestant_name"]) for row in rows])
