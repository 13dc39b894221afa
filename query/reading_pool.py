"""A few connections to a Postgres that is only read, opened when they are needed.

So that Postgres may come later and go away. Then every question is `Busy`, which is answered 503, and what is cached
goes on.
"""

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import asyncpg

from contract import path_patience, queries
from contract.errors import Busy

ANSWER_WITHIN_S = 3

# Postgres is away, starting, stopping, full, being restored, or cancelled us for the sake of replay: all of it passes.
_PASSING = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)


class ReadingPool:
    """At most `connections_max` connections to `url`, for the statements of one file; `open` and `close` its lifetime.

    Whoever derives from it says what may be asked, and how long an answer may take.
    """

    answer_within_s: float = ANSWER_WITHIN_S

    def __init__(self, url: str, file_name: str, connections_max: int, **server_settings: str) -> None:
        self._url = url
        self._sql = queries.load_positional(file_name)
        self._connections_max = connections_max
        self._server_settings = {"application_name": "vote_query", **server_settings}
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Make the pool; connects to nothing yet."""
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self._connections_max,
            timeout=ANSWER_WITHIN_S,
            command_timeout=self.answer_within_s,
            server_settings=self._server_settings,
            init=_watch,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        if self._pool is not None:
            self._pool.terminate()

    async def _rows(self, name: str, /, **values: object) -> Sequence[Any]:
        """What a named statement answers; raises `Busy`."""
        statement = self._sql[name]
        async with self._connection() as connection:
            rows: Sequence[Any] = await connection.fetch(statement.text, *statement.arguments(**values))
        return rows

    async def _rows_of_each(self, name: str, many: Iterable[Mapping[str, object]]) -> Sequence[Any]:
        """What it answers to each of these values, in their order, in one round trip; raises `Busy`.

        All of them are one transaction, so what they lock adds up.
        """
        statement = self._sql[name]
        async with self._connection() as connection:
            rows: Sequence[Any] = await connection.fetchmany(
                statement.text, [statement.arguments(**values) for values in many]
            )
        return rows

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        if self._pool is None:
            raise Busy
        try:
            async with self._pool.acquire(timeout=self.answer_within_s) as connection:
                yield connection
        except _PASSING as error:
            raise Busy from error


async def _watch(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    path_patience.watch(connection._transport)  # noqa: SLF001  # asyncpg has no word for it
