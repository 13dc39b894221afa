"""The fraud rules of one process, put together: judge, counts and their sharing, evidence, report."""

from collections.abc import Iterable, Mapping

from command.durable_pool import DurablePool
from command.settings import FraudRules
from command.votes.rules.attempt_counter import AttemptCounter
from command.votes.rules.count_sharer import CountSharer
from command.votes.rules.evidence_writer import EvidenceWriter
from command.votes.rules.rule_report import RuleReport
from command.votes.rules.rule_set import OFF, read_rules
from command.votes.rules.vote_judge import VoteJudge
from contract.web.background import Work


class FraudProtection:
    """Opens nothing until its `work` runs; reports go through the staff's pool."""

    def __init__(self, settings: FraudRules, database_url: str, keys: Mapping[int, bytes], staff: DurablePool) -> None:
        rules = read_rules(settings.file)
        shared = bool(settings.redis_url)
        counter = AttemptCounter(rules.counting, settings.keys_max, shared=shared)
        self._pool = DurablePool(database_url, "evidence", connections_max=1, waiting_max=1)
        self._writer = EvidenceWriter(self._pool, rules, settings.evidence_votes_max)
        self._sharer = CountSharer(settings.redis_url, counter, rules.counting.window_s) if shared else None
        self.judge = VoteJudge(rules, counter, self._writer, keys, settings.voters_max)
        self.report = RuleReport(staff, rules)

    async def open(self) -> None:
        """Start connecting."""
        await self._pool.open()

    def work(self) -> Iterable[Work]:
        """Evidence, and the other processes' counts."""
        return [self._writer.run(), *([self._sharer.run()] if self._sharer else [])]

    async def drain(self) -> None:
        """Store the evidence of what was answered."""
        await self._writer.flush()

    async def close(self) -> None:
        """Let the connections go."""
        await self._pool.close()
        if self._sharer:
            await self._sharer.close()


def fraud_protection(
    settings: FraudRules, database_url: str, keys: Mapping[int, bytes], staff: DurablePool
) -> FraudProtection | None:
    """None when the rules are off; raises `RuleFileError` or OSError for a file that can't be used."""
    return None if settings.file == OFF else FraudProtection(settings, database_url, keys, staff)
