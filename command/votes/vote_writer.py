"""A writer: turns batches into commits, and answers a vote only after its COMMIT.

    take ─► seal ─► cast ─┬─► committed ─► answer
                          ├─► malformed: split
                          └─► unknown outcome, or refused for now: the same batch again, after a pause

When a batch goes again, the row that is there decides. A vote whose deadline passes is answered 503 by its handler,
whatever happens here. One bad row never fails its neighbours: a batch that Postgres calls malformed is split. Votes of
an open event whose tables a DBA has detached are answered 503 at once: no other try of ours would find them.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

import asyncpg
import prometheus_client

from command.votes.batch_trace import BatchTrace
from command.votes.ledger_connection import LOST, Columns, LedgerConnection
from command.votes.vote_batcher import PendingVote, UnknownEventError, VoteBatcher, VoteOutcome
from command.votes.vote_log import VoteLog
from contract import metric_names
from contract.backoff import Backoff
from contract.errors import Busy, ContractError
from contract.seal import seal_of
from contract.vote_id import VoteKind

log = logging.getLogger(__name__)

OUTCOMES = prometheus_client.Counter(metric_names.OUTCOMES, "Votes answered, by what became of them", ["outcome"])
RETRIES = prometheus_client.Counter(metric_names.BATCH_RETRIES, "Batches sent again, by reason", ["reason"])

BACKOFF_S = (0.05, 0.5)
_UNKNOWN_CONTESTANT = "unknown_contestant"
_MALFORMED = ("22", "23")  # SQLSTATE classes: data exception, integrity constraint violation


class VoteWriter:
    """Takes batches from the batcher for as long as `run` runs; survives any absence of Postgres."""

    def __init__(
        self, ledger: LedgerConnection, batcher: VoteBatcher, seal_keys: Mapping[int, bytes], told: VoteLog
    ) -> None:
        self._ledger = ledger
        self._batcher = batcher
        self._seal_keys = seal_keys
        self._told = told
        self._backoff = Backoff(*BACKOFF_S)

    async def run(self) -> None:
        """Write batches until cancelled; cancel only after the batcher has drained."""
        try:
            while True:
                batch = await self._batcher.take()
                try:
                    await self._write(batch.votes)
                except Exception:
                    log.exception("a batch failed for a reason that nobody foresaw")
                    self._fail(batch.votes, ContractError())
                finally:
                    self._batcher.finish(batch)
        finally:
            self._ledger.close()

    async def _write(self, batch: Sequence[PendingVote]) -> None:
        """Answer every vote of the batch, or stop when nobody waits for any of them."""
        trace = BatchTrace(batch)
        try:
            await self._write_traced(batch, trace)
        finally:
            trace.end()

    async def _write_traced(self, batch: Sequence[PendingVote], trace: BatchTrace) -> None:
        while batch := [vote for vote in batch if not vote.answer.done()]:
            trace.begin_try()
            try:
                voted_at, rows = await self._ledger.cast(batch[0].event, partial(self._sealed, batch, trace))
            except asyncpg.PostgresError as error:
                trace.end_try(type(error).__name__)
                if _lacks_table(error) and (len(batch) == 1 or error.sqlstate == "VT503"):
                    self._fail_without_tables(batch, error)
                    return
                if error.sqlstate and error.sqlstate[:2] in _MALFORMED:
                    await self._split(batch, error)
                    return
                if error.sqlstate == "VT404":
                    self._fail(batch, UnknownEventError())
                    return
                if isinstance(error, asyncpg.UndefinedFunctionError) and trace.stop_telling():
                    continue  # a ledger older than cast_traced_votes takes the same votes untraced
                await self._retry_later(error, trace)
            except LOST as error:
                trace.end_try(type(error).__name__)
                await self._retry_later(error, trace)
            else:
                self._answer(batch, voted_at, rows)
                self._backoff.reset()
                trace.end_try("committed", is_error=False)
                return

    def _sealed(self, batch: Sequence[PendingVote], trace: BatchTrace, voted_at_us: int) -> Columns:
        key = self._seal_keys[batch[0].key_no]
        seals: list[object] = [
            seal_of(
                key,
                voted_at_us=voted_at_us,
                device=vote.device,
                event_no=vote.event.event_no,
                contestant_no=vote.contestant_no,
                region=vote.region,
                voter=vote.voter,
            )
            for vote in batch
        ]
        return {
            "voters": [vote.voter for vote in batch],
            "contestants": [vote.contestant_no for vote in batch],
            "devices": [vote.device for vote in batch],
            "regions": [vote.region for vote in batch],
            "seals": seals,
            "refused": [vote.refused for vote in batch],
            **trace.columns(batch),
        }

    def _answer(self, batch: Sequence[PendingVote], voted_at: datetime, rows: Mapping[int, asyncpg.Record]) -> None:
        new = VoteOutcome(VoteKind.ACCEPTED, voted_at)
        others = {index: _outcome_of(row) for index, row in rows.items()}
        for index, vote in enumerate(batch, start=1):
            if not vote.answer.done():
                vote.answer.set_result(others.get(index, new))
        names = Counter({_outcome_name(new, voted_at): len(batch) - len(others)})
        names.update(_outcome_name(other, voted_at) for other in others.values())
        for name, votes in names.items():
            OUTCOMES.labels(name).inc(votes)
            if name != _UNKNOWN_CONTESTANT:  # which is refused as not found
                self._told.note(batch[0].event.event_id, name, votes)

    async def _split(self, batch: Sequence[PendingVote], error: asyncpg.PostgresError) -> None:
        """Each half on its own, until the row that Postgres can't take is alone."""
        if len(batch) == 1:
            log.error("a vote that Postgres can't take", extra={"sqlstate": error.sqlstate, "reason": str(error)})
            self._fail(batch, ContractError())
            return
        middle = len(batch) // 2
        await self._write(batch[:middle])
        await self._write(batch[middle:])

    def _fail_without_tables(self, batch: Sequence[PendingVote], error: asyncpg.PostgresError) -> None:
        event_id = str(batch[0].event.event_id)
        log.error("an open event lacks tables", extra={"event_id": event_id, "reason": str(error)})
        self._fail(batch, Busy("the event can't take votes right now, repeat the request as it is"))

    def _fail(self, batch: Sequence[PendingVote], error: ContractError | UnknownEventError) -> None:
        for vote in batch:
            OUTCOMES.labels(error.code).inc()
            if not vote.answer.done():
                vote.answer.set_exception(error)

    async def _retry_later(self, error: Exception, trace: BatchTrace) -> None:
        RETRIES.labels(type(error).__name__).inc()
        log.warning("a batch has to go again", extra={"reason": str(error), "trace_ids": trace.trace_ids})
        await asyncio.sleep(self._backoff.next_s())


def _lacks_table(error: asyncpg.PostgresError) -> bool:
    """Whether the event's votes are detached (all of its batches fail), or the leaf of a vote's hash is."""
    return error.sqlstate == "VT503" or (isinstance(error, asyncpg.CheckViolationError) and not error.constraint_name)


def _outcome_of(row: asyncpg.Record) -> VoteOutcome:
    kind = VoteKind(row["kind"]) if row["kind"] else None
    return VoteOutcome(kind, row["stored_at"] if kind is VoteKind.ACCEPTED else None)


def _outcome_name(outcome: VoteOutcome, voted_at: datetime) -> str:
    if outcome.kind is None:
        return _UNKNOWN_CONTESTANT
    if outcome.kind is VoteKind.ACCEPTED and outcome.accepted_at != voted_at:
        return "retry"
    return outcome.kind.name.lower()
