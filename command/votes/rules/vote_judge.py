"""Judges a vote by the rules, in memory: nothing here waits, and nothing here decides alone.

    judge ─► evidence ─► counts ─► hits ─► pass, observe, challenge, refuse ─► the ledger, where a row that is there
                                                                               already decides first ─► note

What became of the vote is noted as evidence once the ledger has said it; of a voter who comes again and again, only the
first time and whatever is worse than before.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import prometheus_client

from command.votes.keyed_hash import keyed_hash
from command.votes.rules.attempt_counter import AttemptCounter
from command.votes.rules.bounded_memory import BoundedMemory
from command.votes.rules.evidence import KEPT_BEFORE_OPENING_S, Counts, Evidence, JudgedVote
from command.votes.rules.evidence_writer import EvidenceWriter
from command.votes.rules.rule_set import Action, RuleSet
from command.votes.vote_batcher import EventKey, PendingVote
from command.votes.voting_event_directory import VotingEvent
from contract import metric_names
from contract.tokens import Caller
from contract.vote_id import VoteKind

HITS = prometheus_client.Counter(metric_names.RULE_HITS, "Votes that met a rule, by its action", ["rule", "action"])

_KIND_OF = {Action.REFUSE: VoteKind.REFUSED, Action.CHALLENGE: VoteKind.CHALLENGED}


@dataclass(slots=True, eq=False)
class Judgement:
    """What the rules say of one attempt, and by what."""

    event: EventKey
    evidence: Evidence
    counts: Counts
    hits: tuple[int, ...]
    action: Action
    is_news: bool

    @property
    def refused(self) -> int:
        """The kind that the ledger shall give it, 0 for none."""
        return _KIND_OF.get(self.action, 0)


class VoteJudge:
    """One process' judge; hashes are keyed by the event's key_no, as devices are."""

    def __init__(
        self,
        rules: RuleSet,
        counter: AttemptCounter,
        writer: EvidenceWriter,
        keys: Mapping[int, bytes],
        voters_max: int,
    ) -> None:
        self._rules = rules
        self._counter = counter
        self._writer = writer
        self._keys = keys
        self._voters: BoundedMemory[bytes, Action] = BoundedMemory(voters_max)  # and the worst that was said of each
        self._hits = [HITS.labels(rule.name, rule.action) for rule in rules.names]

    def judge(self, caller: Caller, vote: PendingVote, address: str, voting: VotingEvent) -> Judgement:
        """What is to be done about this vote from this network; where the event asks for a captcha, it has passed."""
        evidence = self._evidence(caller, vote, address, voting)
        known = self._voters.get(vote.voter)
        counts = self._counter.count(vote.event, evidence, again=known is not None)
        hits = self._rules.hits(evidence, counts)
        action = self._rules.action(evidence, hits)
        is_news = known is None or action > known
        if is_news:
            self._voters.put(vote.voter, action)
            for index in hits:
                self._hits[index].inc()
        return Judgement(vote.event, evidence, counts, hits, action, is_news)

    def pass_challenge(self, judgement: Judgement) -> None:
        """This vote came with a solved captcha."""
        judgement.evidence = msgspec.structs.replace(judgement.evidence, challenge_passed=True)
        judgement.action = self._rules.action(judgement.evidence, judgement.hits)

    def note(self, judgement: Judgement, kind: VoteKind | None) -> None:
        """This is what the ledger said in the end; None: nothing that is known."""
        if judgement.is_news:
            vote = JudgedVote(judgement.evidence, judgement.counts, judgement.hits, kind or 0)
            self._writer.put(judgement.event, vote)

    def _evidence(self, caller: Caller, vote: PendingVote, address: str, voting: VotingEvent) -> Evidence:
        now = time.time()
        key, event_no = self._keys[vote.key_no], vote.event.event_no
        open_s = None if voting.opened_at is None else int(now - voting.opened_at)
        account_s = None
        if caller.since:
            account_s = min(max(0, int(now) - caller.since), (open_s or 0) + KEPT_BEFORE_OPENING_S + 1)
        return Evidence(
            int(now * 1000),
            vote.voter,
            vote.contestant_no,
            keyed_hash(key, event_no, address, b"network"),
            vote.device,
            keyed_hash(key, event_no, f"{address} {caller.cohort}", b"kin") if caller.cohort else None,
            open_s,
            account_s,
            max(0, int(now) - caller.issued_at),
            voting.captcha,
            caller.assurance.value,
        )
