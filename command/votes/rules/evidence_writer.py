"""Writes evidence in the background: a bounded queue, a row for some thousand votes, and no vote that waits for it.

    note ─► queue ─► blocks of one event each, compressed in a thread ─► store_evidence() in Postgres
              └─ full, refused, or of unknown outcome: dropped, and counted

Evidence is worth less than a vote: it is the first thing to go. A block is stored at most once, so that no hit counts
double.
"""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import orjson
import prometheus_client
import psycopg

from command.durable_pool import Connection, DurablePool
from command.votes.rules.evidence import EvidenceBlock, JudgedVote
from command.votes.rules.rule_set import RuleSet
from command.votes.vote_batcher import EventKey
from contract import metric_names, queries
from contract.backoff import Backoff
from contract.errors import Busy, NotDurable
from contract.vote_id import VoteKind

FLUSH_EVERY_S = 1.0
BLOCK_VOTES_MAX = 2_000
ROWS_PER_CALL_MAX = 50
LAST_HITS_MAX = 10
BACKOFF_S = (0.2, 5.0)

STORED = prometheus_client.Counter(metric_names.EVIDENCE_STORED, "Judged votes whose evidence is stored")
DROPPED = prometheus_client.Counter(
    metric_names.EVIDENCE_DROPPED, "Judged votes whose evidence was dropped", ["reason"]
)

log = logging.getLogger(__name__)


class _Row(NamedTuple):
    event: EventKey
    votes: Sequence[JudgedVote]


class EvidenceWriter:
    """A queue of at most `votes_max` votes, and its way into Postgres for as long as `run` runs."""

    def __init__(self, pool: DurablePool, rules: RuleSet, votes_max: int) -> None:
        self._pool = pool
        self._rules = rules
        self._votes_max = votes_max
        self._waiting: defaultdict[EventKey, list[JudgedVote]] = defaultdict(list)
        self._size = 0  # with what is being stored
        self._storing = asyncio.Lock()
        self._backoff = Backoff(*BACKOFF_S)
        self._sql = queries.load("command.sql")["store_evidence"]

    def put(self, event: EventKey, vote: JudgedVote) -> None:
        """Queue it, or drop it."""
        if self._size >= self._votes_max:
            DROPPED.labels("full").inc()
            return
        self._waiting[event].append(vote)
        self._size += 1

    async def run(self) -> None:
        """Store what waits, once a second, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        """Store what waits now; however long Postgres is away."""
        async with self._storing:
            while rows := list(islice(self._take_rows(), ROWS_PER_CALL_MAX)):
                votes = sum(len(row.votes) for row in rows)
                try:
                    await self._store(rows, votes)
                finally:
                    self._size -= votes

    def _take_rows(self) -> Iterator[_Row]:
        while self._waiting:
            event, votes = self._waiting.popitem()
            if len(votes) > BLOCK_VOTES_MAX:
                self._waiting[event] = votes[BLOCK_VOTES_MAX:]
            yield _Row(event, votes[:BLOCK_VOTES_MAX])

    async def _store(self, rows: Sequence[_Row], votes: int) -> None:
        arguments = await asyncio.to_thread(self._arguments, rows)

        async def work(connection: Connection) -> None:
            await connection.execute(self._sql, arguments)

        while True:
            try:
                await self._pool.run(work)
            except Busy:
                await asyncio.sleep(self._backoff.next_s())
                continue
            except (NotDurable, psycopg.Error) as error:
                DROPPED.labels("unstored").inc(votes)
                log.warning("evidence was dropped", extra={"votes": votes, "reason": str(error)})
                return
            self._backoff.reset()
            STORED.inc(votes)
            return

    def _arguments(self, rows: Sequence[_Row]) -> dict[str, Any]:
        rules = self._rules
        blocks = [EvidenceBlock(rules.names, rules.counting, row.votes).packed() for row in rows]
        return {
            "event_nos": [row.event.event_no for row in rows],
            "event_ids": [row.event.event_id for row in rows],
            "votes": [len(row.votes) for row in rows],
            "hits": [orjson.dumps(list(self._hits(row.votes))).decode() for row in rows],
            "blocks": blocks,
            "assurances": [orjson.dumps(_assurances(row.votes)).decode() for row in rows],
        }

    def _hits(self, votes: Sequence[JudgedVote]) -> Iterable[dict[str, Any]]:
        """For each rule that was met: how often, and the last votes that met it, newest first."""
        counts = Counter(index for vote in votes for index in vote.hits)
        for index, hits in sorted(counts.items()):
            met = (vote.evidence for vote in reversed(votes) if index in vote.hits)
            last = [[evidence.at_ms, evidence.contestant_no] for evidence in islice(met, LAST_HITS_MAX)]
            yield {**self._rules.names[index]._asdict(), "hits": hits, "last": last}


def _assurances(votes: Iterable[JudgedVote]) -> Counter[str]:
    """How many of them were accepted from people of each level."""
    return Counter(vote.evidence.assurance for vote in votes if vote.kind == VoteKind.ACCEPTED)
