"""What staff may do with events: the use cases, each one function call in Postgres, which also logs it.

The answer to *close* comes after its COMMIT, and that commit waited for every batch in flight: no vote of the event
can commit later. An answer says what is durable, also when it is asked for again.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal, NamedTuple, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from command.durable_pool import Connection, DurablePool
from command.events.ballot_sealer import BallotSealer
from command.events.event_draft import EventDraft
from command.identity_door import IdentityDoor
from contract import queries
from contract.errors import Busy, NotFound, NotYours, Taken, WrongState
from contract.tokens import Caller

Status = Literal["open", "closed", "cancelled"]
Answer = TypeVar("Answer")
NO_BALLOT: dict[str, object] = {"ballot": None, "ballot_seal": None}


class Repeatable(NamedTuple):
    """By what a request that comes again is known: the client's key (None: it has none), and a digest of 32 bytes."""

    key: str | None
    request: bytes


class EventIds(NamedTuple):
    """A new event; its contestants' ids and names in the order given."""

    event_id: UUID
    contestants: list[tuple[UUID, str]]


class StatusChange(NamedTuple):
    """What an event's status is, and since when."""

    status: str
    at: datetime


class EventChanges:
    """Changes events in Postgres; new ones get the keys `key_no`."""

    def __init__(self, pool: DurablePool, people: IdentityDoor, ballots: BallotSealer, key_no: int) -> None:
        self._pool = pool
        self._people = people
        self._ballots = ballots
        self._key_no = key_no
        self._sql = queries.load("command.sql")

    async def create(
        self, caller: Caller, user_id: UUID, draft: EventDraft, repeatable: Repeatable, trace_id: str
    ) -> EventIds:
        """Make a draft with its contestants, once for each key.

        `NotFound` or `NotYours`: `user_id` isn't the caller's (`Busy`: which of them can't be said now).
        `Taken`: the key was used for something else.
        """
        arguments = {
            "event": Jsonb(draft.checked()),
            "key_no": self._key_no,
            "actor": caller.user_id,
            "trace_id": trace_id,
            **repeatable._asdict(),
        }

        async def work(connection: Connection) -> EventIds:
            created = await self._only_row(connection, "create_event", arguments)
            rows = await (await connection.execute(self._sql["contestants_of_event"], created)).fetchall()
            return EventIds(created["event_id"], [(row["contestant_id"], row["contestant_name"]) for row in rows])

        await self._require_caller(user_id, caller)
        return await self._run(work)

    async def change_status(self, caller: Caller, event_id: UUID, status: Status, trace_id: str) -> StatusChange:
        """Open, close or cancel; the same again changes nothing. `NotFound`, `WrongState`."""
        arguments = {"event_id": event_id, "status": status, "actor": caller.user_id, "trace_id": trace_id}

        async def work(connection: Connection) -> StatusChange:
            ballot = await self._ballots.seal(connection, event_id) if status == "open" else NO_BALLOT
            row = await self._only_row(connection, "change_event_status", arguments | ballot)
            return StatusChange(row["status"], row["status_at"])

        return await self._run(work)

    async def _run(self, work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
        """Do the work; what Postgres refuses becomes an error of the contract."""
        try:
            return await self._pool.run(work)
        except psycopg.Error as error:
            if error.sqlstate == "VT404":
                raise NotFound("event not found") from error
            if error.sqlstate == "VT409":
                raise WrongState(error.diag.message_primary or "") from error
            if error.sqlstate == "VT422":
                raise Taken("the Idempotency-Key was used for another request") from error
            if error.sqlstate == "VT503":
                raise Busy from error
            raise

    async def _require_caller(self, user_id: UUID, caller: Caller) -> None:
        if caller.is_user(str(user_id)):
            return
        if not await self._people.user_exists(user_id):
            raise NotFound("user not found", field="user_id")
        raise NotYours

    async def _only_row(self, connection: Connection, name: str, arguments: dict[str, object]) -> DictRow:
        row = await (await connection.execute(self._sql[name], arguments)).fetchone()
        assert row is not None  # these functions answer or raise
        return row
