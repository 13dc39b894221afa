"""A writer's connection to the ledger: what it casts is durable, or it says that it doesn't know.

    connect ─► durable? what time? ─► cast ─► committed
       ▲                               │ connection lost, silence, warning at commit: the outcome is unknown
       └─── dropped or left behind ◄───┘

A statement that may be committing is never cancelled: it runs in a task of its own, and when its connection stays
silent, the connection is left behind: open until the answer comes, and replaced by another. A COMMIT that waits for
an absent standby is silent, too, and keeps its place in Postgres whether we listen or not: so at most `SILENT_MAX`
are left behind, then the one in use is waited for, however long; deadlines have answered its votes by then.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable, Mapping
from datetime import datetime

import asyncpg
from prometheus_client import Counter, Histogram

from command.settings import Commit
from command.votes.vote_batcher import EventKey
from contract import metric_names, path_patience, queries
from contract.backoff import Backoff
from contract.latency_histogram import LatencyHistogram
from contract.moment import from_unix_us
from contract.vote_id import VoteKind

log = logging.getLogger(__name__)

BATCH_VOTES = Histogram(metric_names.BATCH_VOTES, "Votes in a batch", buckets=metric_names.BATCH_BOUNDS_VOTES)
BATCH_SECONDS = LatencyHistogram(
    metric_names.BATCH_SECONDS,
    "From sending a batch to Postgres until its COMMIT has returned, or was given up",
    metric_names.WRITE_BOUNDS_S,
).labels()
UNKNOWN_OUTCOMES = Counter(
    metric_names.UNKNOWN_OUTCOMES, "Batches of which nobody knows whether they are committed: they go again"
)

SILENT_MAX = 1  # silent connections besides the one in use
CONNECT_S = 30  # a server that doesn't let us in, or doesn't tell the time then, for so long is given up
HEARD_WITHIN_S = 5  # else a batch that waits, or a look at the time, has no answer
DOUBT_S = 30  # after one was left behind, however long its answer takes: the next vote shows whether commits work again
CHECK_S = 1  # how often the database's clock is measured again: it may be set
BACKOFF_S = (0.05, 2.0)

Statement = asyncio.Future[list[asyncpg.Record]]
# The arrays of cast_votes by name, each as long as the batch; for cast_traced_votes two more, of its traced votes.
Columns = Mapping[str, list[object]]


class UnknownOutcomeError(Exception):
    """The batch may be committed or not; the message says why."""


class UnsafeDatabaseError(Exception):
    """A COMMIT on this connection would not be durable; the message names the setting."""


# What `cast` raises when the connection is of no use any more. asyncpg has several names for one that breaks.
LOST = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, UnknownOutcomeError, UnsafeDatabaseError)


class DatabaseClock:
    """The database's clock, followed by our monotonic one: nobody sets that."""

    def __init__(self) -> None:
        self._offset_s = 0.0
        self._measured_at = self.heard_at = -math.inf  # monotonic seconds

    @property
    def is_old(self) -> bool:
        """Whether the database's clock may have been set since it was measured."""
        return time.monotonic() - self._measured_at > CHECK_S

    def forget(self) -> None:
        """It was found to be wrong: measure it anew."""
        self._measured_at = -math.inf

    def measured(self, clock: datetime) -> None:
        """The database has said this before now: so ours is never ahead of it, and no vote's time in the future."""
        self._measured_at = self.heard_at = time.monotonic()
        self._offset_s = clock.timestamp() - self._measured_at

    def now_us(self) -> int:
        """Unix microseconds."""
        return round((time.monotonic() + self._offset_s) * 1_000_000)


class SilentConnections:
    """Those left behind with statements that nobody waits for any more; each is kept open until its answer comes."""

    def __init__(self, silence_s: float) -> None:
        self._silence_s = silence_s
        self.heard_at = -math.inf  # when a statement had its answer last, in monotonic seconds
        self._left_at = -math.inf  # when the last was left behind
        self._left: dict[Statement, asyncpg.Connection[asyncpg.Record]] = {}

    @property
    def in_doubt(self) -> bool:
        """Whether one hangs and nothing was committed since; for a while only, since who isn't ready gets no votes."""
        untried = self._left_at > self.heard_at and time.monotonic() - self._left_at < DOUBT_S
        return bool(self._left) and untried

    def __contains__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
        return connection in self._left.values()

    async def answer(
        self, connection: "asyncpg.Connection[asyncpg.Record]", statement: Statement
    ) -> list[asyncpg.Record]:
        """What it answers; `UnknownOutcomeError`: its connection is silent and was left behind."""
        while not statement.done():
            done, _ = await asyncio.wait({statement}, timeout=self._silence_s)
            if not done and len(self._left) < SILENT_MAX:
                self._left[statement] = connection
                self._left_at = time.monotonic()
                statement.add_done_callback(self._end)
                raise UnknownOutcomeError("no answer from Postgres")
        rows = statement.result()
        self.heard_at = time.monotonic()
        return rows

    def close(self) -> None:
        """Let them go."""
        for connection in self._left.values():
            connection.terminate()

    def _end(self, statement: Statement) -> None:
        """Its votes were answered long ago, whatever became of it."""
        if not statement.cancelled():
            statement.exception()
        self._left.pop(statement).terminate()


class LedgerConnection:
    """One connection, made again whenever it is lost; for one batch at a time."""

    def __init__(self, database_url: str, commit: Commit) -> None:
        self._database_url = database_url
        # What is asked for at the start outranks ALTER ROLE and ALTER SYSTEM, also when they come later.
        self._server_settings = {
            "application_name": "vote_writer",
            "lock_timeout": str(commit.lock_timeout_ms),
            "synchronous_commit": commit.level,
        }
        self._sql = queries.load_positional("command.sql")
        self._silent = SilentConnections(commit.silence_ms / 1000)
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._clock = DatabaseClock()
        self._warning = ""
        self._in_use = asyncio.Lock()

    @property
    def can_commit(self) -> bool:
        """Whether a batch cast now would be committed, as far as is known without making WAL to find out."""
        connected = self._connection is not None and not self._connection.is_closed()
        heard_at = max(self._clock.heard_at, self._silent.heard_at)
        return connected and not self._silent.in_doubt and time.monotonic() - heard_at < HEARD_WITHIN_S

    async def _open(self) -> "asyncpg.Connection[asyncpg.Record]":
        """Connect, however long that takes; with growing pauses and jitter."""
        backoff = Backoff(*BACKOFF_S)
        while True:
            self._drop()
            try:
                self._connection = await self._connect()
                if backoff.failures:
                    log.info("can write to Postgres again")
                return self._connection
            except (asyncpg.PostgresError, *LOST) as error:
                log.warning("can't write to Postgres", extra={"reason": str(error)})
            await asyncio.sleep(backoff.next_s())

    async def cast(
        self, event: EventKey, columns_at: Callable[[int], Columns]
    ) -> tuple[datetime, Mapping[int, asyncpg.Record]]:
        """One cast_votes; gives the time of acceptance and the rows of what was not newly accepted, by index from 1.

        `columns_at` is told the time of acceptance, in Unix microseconds by the database's clock, and gives the batch.
        Raises asyncpg.PostgresError, or one of `LOST` once the connection is dropped. After either the same batch may
        go again: what was committed all the same is found, not doubled.
        """
        async with self._in_use:
            return await self._cast(event, columns_at)

    async def keep(self) -> None:
        """Look after it while nothing is cast: a lost or useless connection is made anew before a vote comes."""
        while True:
            if not self._in_use.locked():
                async with self._in_use:
                    with contextlib.suppress(asyncpg.PostgresError, *LOST):
                        await self._ready_connection()
            await asyncio.sleep(CHECK_S)

    def close(self) -> None:
        """Let all connections go, whatever they are doing."""
        self._drop()
        self._silent.close()

    def _drop(self) -> None:
        if self._connection is not None and self._connection not in self._silent:
            self._connection.terminate()
        self._connection = None

    async def _cast(
        self, event: EventKey, columns_at: Callable[[int], Columns]
    ) -> tuple[datetime, Mapping[int, asyncpg.Record]]:
        try:
            connection = await self._ready_connection()
            voted_at_us = self._clock.now_us()
            voted_at = from_unix_us(voted_at_us)
            columns = columns_at(voted_at_us)
            try:
                rows = await self._fetch(connection, event, voted_at, columns)
            except (*LOST, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError):
                UNKNOWN_OUTCOMES.inc()  # a server that is stopped says so in place of the COMMIT's answer
                raise
        except asyncpg.ReadOnlySQLTransactionError:
            self._drop()
            raise
        except asyncpg.PostgresError:
            self._clock.forget()  # it may have refused the time
            raise
        except LOST:
            self._drop()
            raise
        return voted_at, {row["vote_index"]: row for row in rows}

    async def _fetch(
        self, connection: "asyncpg.Connection[asyncpg.Record]", event: EventKey, voted_at: datetime, columns: Columns
    ) -> list[asyncpg.Record]:
        cast = self._sql["cast_traced_votes" if "traces" in columns else "cast_votes"]
        arguments = cast.arguments(**event._asdict(), voted_at=voted_at, **columns)
        self._warning = ""
        BATCH_VOTES.observe(len(columns["voters"]))
        sent_at = time.monotonic()
        try:
            rows = await self._silent.answer(connection, asyncio.ensure_future(connection.fetch(cast.text, *arguments)))
        finally:
            BATCH_SECONDS.observe(time.monotonic() - sent_at)
        if self._warning:
            raise UnknownOutcomeError(self._warning)
        if any(row["kind"] == VoteKind.ACCEPTED and row["stored_at"] is None for row in rows):
            raise UnknownOutcomeError("a vote was neither inserted nor found")
        return rows

    async def _ready_connection(self) -> "asyncpg.Connection[asyncpg.Record]":
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = await self._open()
        if self._clock.is_old:
            try:
                await self._check(connection, HEARD_WITHIN_S)  # nothing commits on it, so it may be cut off
            except (asyncpg.PostgresError, *LOST):
                self._drop()
                raise
        return connection

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        connection = await asyncpg.connect(
            self._database_url,
            server_settings=self._server_settings,
            target_session_attrs="read-write",  # after a failover: never the old primary
            timeout=CONNECT_S,
        )
        path_patience.watch(connection._transport)  # noqa: SLF001  # asyncpg has no word for it
        connection.add_log_listener(self._note_warning)
        try:
            await self._check(connection, CONNECT_S)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _check(self, connection: "asyncpg.Connection[asyncpg.Record]", within_s: float) -> None:
        """Refuse a connection whose COMMIT is not durable, and measure the database's clock."""
        facts = await connection.fetchrow(self._sql["connection_facts"].text, timeout=within_s)
        assert facts is not None
        _refuse_unsafe(facts)
        self._clock.measured(facts["clock"])

    def _note_warning(self, _connection: object, message: asyncpg.PostgresLogMessage) -> None:
        if getattr(message, "severity_en", "") == "WARNING":
            self._warning = str(message)


def _refuse_unsafe(facts: asyncpg.Record) -> None:
    if facts["synchronous_commit"] not in ("on", "remote_apply") or facts["fsync"] != "on":
        raise UnsafeDatabaseError(f"synchronous_commit is {facts['synchronous_commit']}, fsync is {facts['fsync']}")
    if facts["read_only"] != "off":
        raise UnsafeDatabaseError("the server takes no writes")
