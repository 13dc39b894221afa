"""What changed rules would have done in an event that was: its evidence judged anew, beside what was done.

    blocks ─► judged by their own counts ────────────────────────────► hits then, hits now, verdicts
        └──── counted anew in the order of time, if the file counts otherwise ──┘

The same evidence and the same file give the same answer, always. What wasn't stored isn't judged.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count as numbers
from uuid import UUID

from command.votes.rules.attempt_counter import AttemptCounter
from command.votes.rules.bounded_memory import BoundedMemory
from command.votes.rules.evidence import Counts, EvidenceBlock, JudgedVote
from command.votes.rules.rule_set import Action, RuleSet
from command.votes.vote_batcher import EventKey
from contract.vote_id import VoteKind

LATE_MS = 30_000  # evidence of one moment is stored within so long by all processes, or counted out of turn
REMEMBERED_MAX = 2_000_000  # voters, and counts, when it is counted anew


@dataclass
class DryRun:
    """What came out; votes by rule, and by what became of them then and would now."""

    votes: int = 0
    met_then: Counter[str] = field(default_factory=Counter)
    met_now: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[tuple[str, Action]] = field(default_factory=Counter)  # (what the ledger said, what the file says)


def dry_run(blocks: Iterable[EvidenceBlock], rules: RuleSet, *, recount: bool) -> DryRun:
    """Judge all votes of one event's blocks, which come in the order in which they were stored."""
    run = DryRun()
    judged = _read(blocks, run)
    for vote in _counted_anew(judged, rules) if recount else judged:
        hits = rules.hits(vote.evidence, vote.counts)
        run.votes += 1
        run.met_now.update(rules.names[index].name for index in hits)
        run.verdicts[_outcome(vote.kind), rules.action(vote.evidence, hits)] += 1
    return run


def _read(blocks: Iterable[EvidenceBlock], run: DryRun) -> Iterator[JudgedVote]:
    for block in blocks:
        for vote in block.votes:
            run.met_then.update(block.rules[index].name for index in vote.hits)
            yield vote


def _counted_anew(votes: Iterable[JudgedVote], rules: RuleSet) -> Iterator[JudgedVote]:
    event = EventKey(0, UUID(int=0))
    counter = AttemptCounter(rules.counting, REMEMBERED_MAX)
    voters: BoundedMemory[bytes, int] = BoundedMemory(REMEMBERED_MAX)
    for vote in _in_order(votes):
        again = voters.get(vote.evidence.voter) is not None
        voters.put(vote.evidence.voter, vote.kind)
        counts: Counts = counter.count(event, vote.evidence, again=again)
        yield JudgedVote(vote.evidence, counts, vote.hits, vote.kind)


def _in_order(votes: Iterable[JudgedVote]) -> Iterator[JudgedVote]:
    """By their time, as far as they come no later than `LATE_MS` after their turn."""
    heap: list[tuple[int, int, JudgedVote]] = []
    newest_ms = 0
    for number, vote in zip(numbers(), votes):
        heapq.heappush(heap, (vote.evidence.at_ms, number, vote))
        newest_ms = max(newest_ms, vote.evidence.at_ms)
        while heap[0][0] < newest_ms - LATE_MS:
            yield heapq.heappop(heap)[2]
    while heap:
        yield heapq.heappop(heap)[2]


def _outcome(kind: int) -> str:
    return VoteKind(kind).name.lower() if kind else "unknown"
