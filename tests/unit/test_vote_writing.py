"""What a writer makes of a ledger that is silent, older than itself, or being stopped."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest

from command.settings import Commit
from command.votes import batch_trace, ledger_connection
from command.votes.ledger_connection import (
    UNKNOWN_OUTCOMES,
    Columns,
    LedgerConnection,
    SilentConnections,
    UnknownOutcomeError,
)
from command.votes.vote_batcher import EventKey, PendingVote, VoteBatcher
from command.votes.vote_log import VoteLog
from command.votes.vote_writer import VoteWriter
from contract import settings
from contract.trace_settings import Tracing
from contract.tracing import Sampler, Span, SpanContext, Tracer

EVENT = EventKey(1, UUID(int=1))


class NoSink:
    """Takes spans and keeps none."""

    def take(self, span: Span) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing waits."""


class OlderLedger:
    """A ledger without cast_traced_votes: keeps what it is asked to cast."""

    def __init__(self) -> None:
        self.asked: list[Columns] = []

    async def cast(
        self, _event: EventKey, columns_at: Callable[[int], Columns]
    ) -> tuple[datetime, Mapping[int, asyncpg.Record]]:
        """All is new, once it is asked in a way that it knows."""
        self.asked.append(columns_at(0))
        if "traces" in self.asked[-1]:
            raise asyncpg.UndefinedFunctionError("function cast_traced_votes(…) does not exist")
        return datetime.now(UTC), {}


async def test_a_traced_vote_is_cast_by_an_older_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its batch goes again at once, without what the ledger doesn't know, and is answered."""
    tracer = Tracer()
    tracer.begin(Sampler(settings.read(Tracing, {})), NoSink())
    monkeypatch.setattr(batch_trace, "TRACER", tracer)
    answer = asyncio.get_running_loop().create_future()
    vote = PendingVote(EVENT, 1, b"v" * 12, 1, None, None, answer, trace=SpanContext("a" * 32, "b" * 16))
    ledger = OlderLedger()
    writer = VoteWriter(cast("LedgerConnection", ledger), cast("VoteBatcher", None), {1: bytes(32)}, VoteLog())
    await writer._write([vote])
    assert answer.done()
    assert ["traces" in columns for columns in ledger.asked] == [True, False]


async def test_silence_is_doubted_until_something_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement that is left behind says nothing of commits once a later one is answered, or after a while."""

    class Connection:
        def terminate(self) -> None:
            """It has no socket."""

    async def answered() -> list[asyncpg.Record]:
        return []

    async def leave(silent: SilentConnections) -> None:
        with pytest.raises(UnknownOutcomeError):
            await silent.answer(cast("Any", Connection()), asyncio.get_running_loop().create_future())

    silent = SilentConnections(0.001)
    assert not silent.in_doubt
    await leave(silent)
    assert silent.in_doubt
    await silent.answer(cast("Any", Connection()), asyncio.ensure_future(answered()))
    assert not silent.in_doubt
    another = SilentConnections(0.001)
    await leave(another)
    monkeypatch.setattr(ledger_connection, "DOUBT_S", 0)
    assert not another.in_doubt


async def test_a_stopped_server_leaves_an_outcome_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have committed what it answers with its own end, so that counts as unknown; a refused batch doesn't."""
    ledger = LedgerConnection("postgresql://nowhere.invalid", settings.read(Commit, {}))

    async def ready() -> Any:
        return None

    monkeypatch.setattr(ledger, "_ready_connection", ready)
    monkeypatch.setattr(ledger._clock, "now_us", lambda: 0)
    counted = []
    for error in (asyncpg.AdminShutdownError("the end"), asyncpg.LockNotAvailableError("wait")):

        async def fetch(*_: Any, error: Exception = error) -> Any:
            raise error

        monkeypatch.setattr(ledger, "_fetch", fetch)
        before = UNKNOWN_OUTCOMES._value.get()
        with pytest.raises(type(error)):
            await ledger.cast(EVENT, lambda _: {})
        counted.append(UNKNOWN_OUTCOMES._value.get() - before)
    assert counted == [1, 0]
