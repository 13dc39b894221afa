"""Changes that are answered only when they are durable: a pool whose commits are certain, or said to be unknown.

    run ─► a connection that may write ─► the work, one transaction ─► COMMIT ─► answer
                                             └─ a warning, a lost connection, silence: unknown ─► NotDurable

Whatever is asked of it is safe to repeat. The work goes on in a task of its own: who goes away, or has waited for too
long, cancels the wait and never the COMMIT. synchronous_commit is pinned when a connection is made, which outranks
what an operator sets for the role or the database meanwhile. What only reads loses nothing, so a server that says
nothing to it loses the connection; else a few of those would take all places.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from contract import path_patience
from contract.errors import Busy, ContractError, NotDurable

Answer = TypeVar("Answer")
Connection = psycopg.AsyncConnection[DictRow]

CONNECT_TIMEOUT_S = 3
CONNECTION_WITHIN_S = 3.0  # one of the pool
CHECK_WITHIN_S = 2.0  # of one that lay idle, so that there is time for another one
RECONNECT_S = 1.0  # so long the pauses between attempts grow, then they start anew
ANSWER_WITHIN_S = 10.0  # by default; Sanic gives up later


class DurablePool:
    """So many connections with these `settings` (a=b); `open` and `close` are its lifetime."""

    def __init__(
        self,
        database_url: str,
        name: str,
        *settings: str,
        connections_min: int = 1,
        connections_max: int,
        waiting_max: int,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self._answer_within_s = answer_within_s
        options = " ".join(f"-c {each}" for each in ("synchronous_commit=on", *settings))
        kwargs: dict[str, Any] = {
            "row_factory": dict_row,
            "application_name": name,
            "options": options,
            "connect_timeout": CONNECT_TIMEOUT_S,
            "target_session_attrs": "read-write",  # after a failover: never the old primary
            **path_patience.LIBPQ,
        }
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            database_url,
            kwargs=kwargs,
            min_size=connections_min,
            max_size=connections_max,
            max_waiting=waiting_max,
            timeout=CONNECTION_WITHIN_S,
            reconnect_timeout=RECONNECT_S,
            check=_check,
            open=False,
        )
        self._running: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Start connecting; waits for nothing."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Let the connections go."""
        await self._pool.close()

    async def run(self, work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
        """What the work answers, once it is committed.

        `Busy`: nothing was begun. `NotDurable`: it is unknown whether it was committed. Other psycopg.Error: it was
        refused.
        """
        return await self._answer(self._commit(work, NotDurable), NotDurable)

    async def read(self, work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
        """What the work answers, which changes nothing; `Busy`. Other psycopg.Error: it was refused."""
        return await self._answer(self._commit(work, Busy, self._answer_within_s), Busy)

    async def _answer(self, committing: Coroutine[Any, Any, Answer], lost: type[ContractError]) -> Answer:
        task = asyncio.create_task(committing)
        self._running.add(task)
        task.add_done_callback(self._forget)
        try:
            async with asyncio.timeout(self._answer_within_s):
                return await asyncio.shield(task)
        except TimeoutError as error:
            raise lost from error

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # nobody may be left to hear of it

    async def _commit(
        self,
        work: Callable[[Connection], Awaitable[Answer]],
        lost: type[ContractError],
        silence_s: float | None = None,
    ) -> Answer:
        warnings: list[str] = []

        def note(said: psycopg.errors.Diagnostic) -> None:
            if said.severity_nonlocalized == "WARNING":  # as when the wait for a standby was cancelled
                warnings.append(said.message_primary or "")

        try:
            async with self._pool.connection() as connection:
                connection.add_notice_handler(note)
                try:
                    async with _let_go(connection, silence_s), connection.transaction():
                        answer = await work(connection)
                except psycopg.errors.ReadOnlySqlTransaction:
                    await connection.close()  # it leads to a server that has become a standby
                    raise
                finally:
                    connection.remove_notice_handler(note)
        except (PoolTimeout, PoolClosed, TooManyRequests) as error:
            raise Busy from error
        except (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction) as error:
            raise lost from error
        if warnings:
            raise lost(warnings[0])
        return answer


@contextlib.asynccontextmanager
async def _let_go(connection: Connection, after_s: float | None) -> AsyncIterator[None]:
    """Break a connection that is in use for longer (None: never), so that what waits for the server fails at once.

    Cancelling wouldn't do: psycopg then asks the server to end the statement, and waits for its answer.
    """

    def break_it() -> None:
        with (
            contextlib.suppress(psycopg.Error, OSError),  # it is broken already
            socket.socket(fileno=os.dup(connection.fileno())) as path,
        ):
            path.shutdown(socket.SHUT_RDWR)

    timer = None if after_s is None else asyncio.get_running_loop().call_later(after_s, break_it)
    try:
        yield
    finally:
        if timer:
            timer.cancel()


async def _check(connection: Connection) -> None:
    """Raise for a connection whose server is gone, or says nothing."""
    async with _let_go(connection, CHECK_WITHIN_S):
        await AsyncConnectionPool.check_connection(connection)
