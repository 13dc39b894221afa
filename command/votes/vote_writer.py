"""A writer: one connection that turns batches into commits, and answers a vote only after its COMMIT.

    take ─► seal ─► cast_votes ─► committed ─► answer
      ▲               │ connection lost, warning at commit: the outcome is unknown
      └── reconnect ◄─┘ and the same batch goes again (the row that is there decides)

A statement that may be committing is never cancelled: `fetch` runs in a task of its own, and a connection
that stays silent is dropped, not cancelled. A vote whose deadline passes is answered 503 by its handler,
whatever happens here. One bad row never fails its neighbours: a batch that Postgres calls malformed is split.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg
import prometheus_client
from prometheus_client import Histogram

from command.votes.vote_batcher import PendingVote, VoteBatcher, VoteOutcome
from contract import queries
from contract.errors import ContractError, NotFound
from contract.moment import from_unix_us
from contract.seal import seal_of
from contract.vote_id import VoteKind

log = logging.getLogger(__name__)

BATCH_VOTES = Histogram("vote_batch_votes", "Votes in a batch", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))
BATCH_SECONDS = Histogram(
    "vote_batch_seconds",
    "cast_votes, commit included",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2),
)
OUTCOMES = prometheus_client.Counter("votes", "Votes answered, by what became of them", ["outcome"])
RETRIES = prometheus_client.Counter("vote_batch_retries", "Batches sent again, by reason", ["reason"])

SILENCE_S = 30  # a statement without an answer for so long: the connection is given up
CLOCK_S = 60  # how often the database's clock is measured again
BACKOFF_S = (0.05, 2.0)
# What asyncpg raises, besides PostgresError, when a connection breaks at one moment or another.
_BROKEN = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_MALFORMED = ("22", "23")  # SQLSTATE classes: data exception, integrity constraint violation


class UnknownOutcomeError(Exception):
    """The batch may be committed or not; the message says why."""


class UnsafeDatabaseError(Exception):
    """A COMMIT on this connection would not be durable; the message names the setting."""


class VoteWriter:
    """Takes batches from the batcher for as long as `run` runs; survives any absence of Postgres."""

    def __init__(
        self, database_url: str, batcher: VoteBatcher, seal_keys: Mapping[int, bytes], lock_timeout_ms: int
    ) -> None:
        self._database_url = database_url
        self._batcher = batcher
        self._seal_keys = seal_keys
        self._lock_timeout_ms = lock_timeout_ms
        self._sql = queries.load("command.sql")
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._clock_offset_s = 0.0
        self._clock_measured = 0.0
        self._warning = ""

    @property
    def connected(self) -> bool:
        """Whether batches can be written now."""
        return self._connection is not None and not self._connection.is_closed()

    async def run(self) -> None:
        """Write batches until cancelled; cancel only after the batcher has drained."""
        try:
            await self._reconnect()
            while True:
                batch = await self._batcher.take()
                try:
                    await self._write(batch)
                except Exception:
                    log.exception("a batch failed for a reason that nobody foresaw")
                    self._fail(batch, ContractError())
                finally:
                    self._batcher.finish(batch[0].event_no)
        finally:
            self._drop_connection()

    async def _write(self, batch: list[PendingVote]) -> None:
        """Answer every vote of the batch, or stop when nobody waits for any of them."""
        while batch := [vote for vote in batch if not vote.answer.done()]:
            try:
                self._answer(batch, *await self._cast(batch))
                return
            except asyncpg.PostgresError as error:
                if error.sqlstate and error.sqlstate[:2] in _MALFORMED:
                    await self._split(batch, error)
                    return
                if error.sqlstate == "VT404":
                    self._fail(batch, NotFound("event not found"))
                    return
                await self._retry_later(type(error).__name__, error)
            except (*_BROKEN, UnknownOutcomeError, UnsafeDatabaseError) as error:
                self._drop_connection()
                await self._retry_later(type(error).__name__, error)

    async def _cast(self, batch: Sequence[PendingVote]) -> tuple[datetime, Mapping[int, asyncpg.Record]]:
        """One cast_votes; gives the time of acceptance and the rows of what was not newly accepted, by index from 1."""
        connection = await self._ready_connection()
        voted_at_us = round((time.time() + self._clock_offset_s) * 1_000_000)
        voted_at = from_unix_us(voted_at_us)
        arguments = (batch[0].event_no, voted_at, *self._columns(batch, voted_at_us))
        self._warning = ""
        BATCH_VOTES.observe(len(batch))
        with BATCH_SECONDS.time():
            statement = asyncio.ensure_future(connection.fetch(self._sql["cast_votes"], *arguments))
            done, _ = await asyncio.wait({statement}, timeout=SILENCE_S)
        if not done:
            connection.terminate()
            with contextlib.suppress(Exception):
                await statement
            raise UnknownOutcomeError("no answer from Postgres")
        rows = statement.result()
        if self._warning:
            raise UnknownOutcomeError(self._warning)
        if any(row["kind"] == VoteKind.ACCEPTED and row["stored_at"] is None for row in rows):
            raise UnknownOutcomeError("a vote was neither inserted nor found")
        return voted_at, {row["vote_index"]: row for row in rows}

    def _columns(self, batch: Sequence[PendingVote], voted_at_us: int) -> tuple[list[object], ...]:
        key = self._seal_keys[batch[0].key_no]
        seals = [
            seal_of(
                key,
                voted_at_us=voted_at_us,
                device=vote.device,
                event_no=vote.event_no,
                contestant_no=vote.contestant_no,
                region=vote.region,
                voter=vote.voter,
            )
            for vote in batch
        ]
        return (
            [vote.voter for vote in batch],
            [vote.contestant_no for vote in batch],
            [vote.device for vote in batch],
            [vote.region for vote in batch],
            list(seals),
            [0] * len(batch),
        )

    def _answer(self, batch: Sequence[PendingVote], voted_at: datetime, rows: Mapping[int, asyncpg.Record]) -> None:
        names: Counter[str] = Counter()
        for index, vote in enumerate(batch, start=1):
            row = rows.get(index)
            outcome = VoteOutcome(VoteKind.ACCEPTED, voted_at)
            if row is not None:
                kind = VoteKind(row["kind"]) if row["kind"] else None
                outcome = VoteOutcome(kind, row["stored_at"] if kind is VoteKind.ACCEPTED else None)
            names[_outcome_name(outcome, voted_at)] += 1
            if not vote.answer.done():
                vote.answer.set_result(outcome)
        for name, votes in names.items():
            OUTCOMES.labels(name).inc(votes)

    async def _split(self, batch: list[PendingVote], error: asyncpg.PostgresError) -> None:
        """Each half on its own, until the row that Postgres can't take is alone."""
        if len(batch) == 1:
            log.error("a vote that Postgres can't take", extra={"sqlstate": error.sqlstate, "reason": str(error)})
            self._fail(batch, ContractError())
            return
        middle = len(batch) // 2
        await self._write(batch[:middle])
        await self._write(batch[middle:])

    def _fail(self, batch: Sequence[PendingVote], error: ContractError) -> None:
        for vote in batch:
            OUTCOMES.labels(error.code).inc()
            if not vote.answer.done():
                vote.answer.set_exception(error)

    async def _retry_later(self, reason: str, error: Exception) -> None:
        RETRIES.labels(reason).inc()
        log.warning("a batch has to go again", extra={"reason": str(error)})
        self._clock_measured = 0.0
        await asyncio.sleep(random.uniform(*BACKOFF_S) / 4)  # noqa: S311  # jitter

    async def _ready_connection(self) -> "asyncpg.Connection[asyncpg.Record]":
        if self._connection is None or self._connection.is_closed():
            await self._reconnect()
        assert self._connection is not None
        if time.monotonic() - self._clock_measured > CLOCK_S:
            await self._check(self._connection)
        return self._connection

    async def _reconnect(self) -> None:
        """Connect, however long that takes; with growing pauses and jitter."""
        pause = BACKOFF_S[0]
        while True:
            self._drop_connection()
            try:
                self._connection = await self._connect()
                return
            except (*_BROKEN, asyncpg.PostgresError, UnsafeDatabaseError) as error:
                log.warning("can't write to Postgres", extra={"reason": str(error)})
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # jitter
            pause = min(pause * 2, BACKOFF_S[1])

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
        facts = await connection.fetchrow(self._sql["connection_facts"], timeout=SILENCE_S)
        assert facts is not None
        if facts["synchronous_commit"] not in ("on", "remote_apply") or facts["fsync"] != "on":
            raise UnsafeDatabaseError(f"synchronous_commit is {facts['synchronous_commit']}, fsync is {facts['fsync']}")
        self._clock_offset_s = facts["clock"].timestamp() - (before + time.time()) / 2
        self._clock_measured = time.monotonic()

    def _note_warning(self, _connection: object, message: asyncpg.PostgresLogMessage) -> None:
        if getattr(message, "severity_en", "") == "WARNING":
            self._warning = str(message)

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def _outcome_name(outcome: VoteOutcome, voted_at: datetime) -> str:
    if outcome.kind is None:
        return "unknown_contestant"
    if outcome.kind is VoteKind.ACCEPTED and outcome.accepted_at != voted_at:
        return "retry"
    return outcome.kind.name.lower()
