"""The reader of Postgres: events, checkpointed tallies, and what the ledger knows of one vote.

It asks the replica (by default the primary), a few connections in all, opened when they are needed: so Postgres
may come later and go away. Then every question is `Busy`, which is answered 503, and what is cached goes on.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import msgspec

from contract import queries
from contract.errors import Busy
from contract.standings import SourceTally
from contract.vote_id import Receipt
from query.event import Event, EventSummary

CONNECTIONS_MAX = 8
ANSWER_WITHIN_S = 3
SERVER_SETTINGS = {
    "application_name": "vote_query",
    # Whatever the login's own settings are: a plan for any event locks the partitions of all of them.
    "plan_cache_mode": "force_custom_plan",
}

# Postgres is away, starting, stopping, full, or cancelled us for the sake of replay: all of it passes.
_PASSING = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InvalidAuthorizationSpecificationError,
)


class Attempt(NamedTuple):
    """What the ledger knows of one voter in one event, and the number of the event's keys."""

    event_id: str
    event_name: str
    event_status: str
    key_no: int
    accepted: bool
    refused: bool
    archived: bool  # then what isn't found may have been there


class WalEnd(NamedTuple):
    """A position of one source that lies behind everything seen before."""

    source: str
    system_id: int
    timeline: int
    lsn: int


class ReplicaReader:
    """Asks the Postgres at `url`; every method raises `Busy` while it can't answer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._sql = queries.load_positional("query.sql")
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Make the pool; connects to nothing yet."""
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=CONNECTIONS_MAX,
            timeout=ANSWER_WITHIN_S,
            command_timeout=ANSWER_WITHIN_S,
            server_settings=SERVER_SETTINGS,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        if self._pool is not None:
            self._pool.terminate()

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

    async def tallies(self, event_ids: Collection[str]) -> list[SourceTally]:
        """The tallies of these events as they were at the last checkpoint."""
        rows = await self._rows("checkpointed_tallies", event_ids=[uuid.UUID(event_id) for event_id in event_ids])
        return [msgspec.json.decode(row[0], type=SourceTally) for row in rows]

    async def attempt(self, receipt: Receipt) -> Attempt | None:
        """What is known of the attempt that a receipt names, or None when there is no such event."""
        rows = await self._rows("attempt", event_no=receipt.event_no, voter=receipt.voter, kind=int(receipt.kind))
        return Attempt(*rows[0]) if rows else None

    async def voter_of(self, user_id: uuid.UUID, event_no: int) -> bytes | None:
        """What stands for this user in this event (12 bytes), or None when there is no such user."""
        rows = await self._rows("voter_of", user_id=user_id, event_no=event_no)
        return rows[0][0]  # type: ignore[no-any-return]  # asyncpg's rows are Any

    async def voted_at(self, event_no: int, voter: bytes) -> datetime | None:
        """When this voter's vote was accepted, or None when there is none."""
        rows = await self._rows("voted_at", event_no=event_no, voter=voter)
        return rows[0][0] if rows else None

    async def is_archived(self, event_no: int) -> bool:
        """Whether the event's votes were taken out of the ledger: then what isn't found may have been there."""
        return bool((await self._rows("is_archived", event_no=event_no))[0][0])

    async def wal_ends(self) -> list[WalEnd]:
        """Positions behind everything that earlier calls have seen, one a source of this server."""
        return [WalEnd(*row) for row in await self._rows("wal_end")]

    async def why_not_ready(self) -> str:
        """Why Postgres can't be asked now, or "" ."""
        try:
            await self._rows("alive")
        except Busy:
            return "Postgres does not answer"
        return ""

    async def _rows(self, name: str, /, **values: object) -> Sequence[Any]:
        if self._pool is None:
            raise Busy
        statement = self._sql[name]
        try:
            async with self._pool.acquire(timeout=ANSWER_WITHIN_S) as connection:
                rows: Sequence[Any] = await connection.fetch(statement.text, *statement.arguments(**values))
        except _PASSING as error:
            raise Busy from error
        return rows
