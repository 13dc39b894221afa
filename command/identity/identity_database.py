"""Identity's database as its stores use it: one named statement a call, its own transaction, or several together.

Postgres may be away at the start and at any time later: a call that gets no connection is `Busy`, a change whose
outcome is unknown is `NotDurable` (repeating it is safe), and the pool goes on trying to connect.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import psycopg
from psycopg.rows import AsyncRowFactory, dict_row

from command.durable_pool import Connection, DurablePool
from contract import queries
from contract.errors import ContractError

Answer = TypeVar("Answer")
Row = TypeVar("Row")

CONNECTIONS_MAX = 8
WAITING_MAX = 200
STATEMENT_TIMEOUT = "statement_timeout=5s"


class Statements:
    """The named statements, run one after another on one connection."""

    def __init__(self, sql: Mapping[str, bytes], connection: Connection) -> None:
        self._sql = sql
        self._connection = connection

    async def all(self, name: str, row: AsyncRowFactory[Row], **arguments: Any) -> list[Row]:
        """The rows of one."""
        async with self._connection.cursor(row_factory=row) as cursor:
            await cursor.execute(self._sql[name], arguments)
            return await cursor.fetchall() if cursor.description else []

    async def one(self, name: str, row: AsyncRowFactory[Row], **arguments: Any) -> Row | None:
        """The only row of one, if any."""
        rows = await self.all(name, row, **arguments)
        return rows[0] if rows else None


class IdentityDatabase:
    """The statements of identity.sql; `open` and `close` are its lifetime."""

    def __init__(self, database_url: str) -> None:
        self._sql = {name: sql.encode() for name, sql in queries.load("identity.sql").items()}
        self._pool = DurablePool(
            database_url, "vote_identity", STATEMENT_TIMEOUT, connections_max=CONNECTIONS_MAX, waiting_max=WAITING_MAX
        )

    async def open(self) -> None:
        """Start connecting; waits for nothing."""
        await self._pool.open()

    async def close(self) -> None:
        """Let the connections go."""
        await self._pool.close()

    async def why_not_ready(self) -> str:
        """The reason why people can't be read now, or "" ."""
        try:
            await self.one("ready", dict_row)
        except (ContractError, psycopg.Error) as error:
            return f"Postgres: {error}"
        return ""

    async def one(self, name: str, row: AsyncRowFactory[Row], **arguments: Any) -> Row | None:
        """The only row of a named statement that changes nothing, if any."""
        rows = await self.all(name, row, **arguments)
        return rows[0] if rows else None

    async def all(self, name: str, row: AsyncRowFactory[Row], **arguments: Any) -> list[Row]:
        """The rows of one."""
        return await self._pool.read(lambda connection: self._on(connection).all(name, row, **arguments))

    async def write(self, name: str, row: AsyncRowFactory[Row], **arguments: Any) -> Row | None:
        """The only row, if any, of one that changes something."""
        return await self.together(lambda statements: statements.one(name, row, **arguments))

    async def together(self, work: Callable[[Statements], Awaitable[Answer]]) -> Answer:
        """What the work answers whose statements are committed together, or none of them."""
        return await self._pool.run(lambda connection: work(self._on(connection)))

    def _on(self, connection: Connection) -> Statements:
        return Statements(self._sql, connection)
