"""A writer's connection to the ledger: what it casts is durable, or it says that it doesn't know.

    connect ─► durable? what time? ─► cast ─► committed
       ▲                               │ connection lost, silence, warning at commit: the outcome is unknown
       └────────── dropped ◄───────────┘

A statement that may be committing is never cancelled: it runs in a task of its own, and when its connection stays
silent, the connection is dropped.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable, Mapping
from datetime import datetime

import asyncpg
from prometheus_client import Histogram

from contract import queries
from contract.backoff import Backoff
from contract.moment import from_unix_us
from contract.vote_id import VoteKind

log = logging.getLogger(__name__)

BATCH_VOTES = Histogram("vote_batch_votes", "Votes in a batch", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))
BATCH_SECONDS = Histogram(
    "vote_batch_seconds",
    "cast_votes, commit included",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2),
)

SILENCE_S = 30  # a statement without an answer for so long: the connection is given up
CHECK_S = 60  # how often durability and the database's clock are looked at again
BACKOFF_S = (0.05, 2.0)

Columns = Mapping[str, list[object]]  # the arrays of cast_votes by name, each as long as the batch


class UnknownOutcomeError(Exception):
    """The batch may be committed or not; the message says why."""


class UnsafeDatabaseError(Exception):
    """A COMMIT on this connection would not be durable; the message names the setting."""


# What `cast` raises when the connection is of no use any more. asyncpg has several names for one that breaks.
LOST = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, UnknownOutcomeError, UnsafeDatabaseError)


class LedgerConnection:
    """One connection, made again whenever it is lost; for one batch at a time."""

    def __init__(self, database_url: str, lock_timeout_ms: int) -> None:
        self._database_url = database_url
        self._lock_timeout_ms = lock_timeout_ms
        self._sql = queries.load_positional("command.sql")
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._clock_offset_s = 0.0
        self._checked_at = -math.inf
        self._warning = ""

    @property
    def connected(self) -> bool:
        """Whether batches can be cast now."""
        return self._connection is not None and not self._connection.is_closed()

    async def open(self) -> "asyncpg.Connection[asyncpg.Record]":
        """Connect, however long that takes; with growing pauses and jitter."""
        backoff = Backoff(*BACKOFF_S)
        while True:
            self.close()
            try:
                self._connection = await self._connect()
                return self._connection
            except (asyncpg.PostgresError, *LOST) as error:
                log.warning("can't write to Postgres", extra={"reason": str(error)})
            await asyncio.sleep(backoff.next_s())

    async def cast(
        self, event_no: int, columns_at: Callable[[int], Columns]
    ) -> tuple[datetime, Mapping[int, asyncpg.Record]]:
        """One cast_votes; gives the time of acceptance and the rows of what was not newly accepted, by index from 1.

        `columns_at` is told the time of acceptance, in Unix microseconds by the database's clock, and gives the batch.
        Raises asyncpg.PostgresError, or one of `LOST` once the connection is dropped. After either the same batch may
        go again: what was committed all the same is found, not doubled.
        """
        try:
            connection = await self._ready_connection()
            voted_at_us = round((time.time() + self._clock_offset_s) * 1_000_000)
            voted_at = from_unix_us(voted_at_us)
            rows = await self._fetch(connection, event_no, voted_at, columns_at(voted_at_us))
        except asyncpg.PostgresError:
            self._checked_at = -math.inf  # it may have refused the time: measure it anew
            raise
        except LOST:
            self.close()
            raise
        return voted_at, {row["vote_index"]: row for row in rows}

    def close(self) -> None:
        """Let the connection go, whatever it is doing."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _fetch(
        self, connection: "asyncpg.Connection[asyncpg.Record]", event_no: int, voted_at: datetime, columns: Columns
    ) -> list[asyncpg.Record]:
        cast = self._sql["cast_votes"]
        arguments = cast.arguments(event_no=event_no, voted_at=voted_at, **columns)
        self._warning = ""
        BATCH_VOTES.observe(len(columns["voters"]))
        with BATCH_SECONDS.time():
            statement = asyncio.ensure_future(connection.fetch(cast.text, *arguments))
            done, _ = await asyncio.wait({statement}, timeout=SILENCE_S)
        if not done:
            connection.terminate()
            with contextlib.suppress(Exception):
                await statement
            raise UnknownOutcomeError("no answer from Postgres")
        rows: list[asyncpg.Record] = statement.result()
        if self._warning:
            raise UnknownOutcomeError(self._warning)
        if any(row["kind"] == VoteKind.ACCEPTED and row["stored_at"] is None for row in rows):
            raise UnknownOutcomeError("a vote was neither inserted nor found")
        return rows

    async def _ready_connection(self) -> "asyncpg.Connection[asyncpg.Record]":
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = await self.open()
        if time.monotonic() - self._checked_at > CHECK_S:
            await self._check(connection)
        return connection

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        settings = {"application_name": "vote_writer", "lock_timeout": str(self._lock_timeout_ms)}
        connection = await asyncpg.connect(self._database_url, server_settings=settings, timeout=SILENCE_S)
        connection.add_log_listener(self._note_warning)
        try:
            await self._check(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _check(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Refuse a connection whose COMMIT is not durable, and measure the database's clock."""
        before = time.time()
        facts = await connection.fetchrow(self._sql["connection_facts"].text, timeout=SILENCE_S)
        assert facts is not None
        if facts["synchronous_commit"] not in ("on", "remote_apply") or facts["fsync"] != "on":
            raise UnsafeDatabaseError(f"synchronous_commit is {facts['synchronous_commit']}, fsync is {facts['fsync']}")
        self._clock_offset_s = facts["clock"].timestamp() - (before + time.time()) / 2
        self._checked_at = time.monotonic()

    def _note_warning(self, _connection: object, message: asyncpg.PostgresLogMessage) -> None:
        if getattr(message, "severity_en", "") == "WARNING":
            self._warning = str(message)
