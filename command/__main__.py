"""The command process: opens its connections, starts its writers, serves until SIGTERM, drains.

python -m command
"""

import asyncio
import contextlib
import sys
from collections.abc import Iterable, Mapping

import redis.asyncio

from command.durable_pool import DurablePool
from command.events.ballot_sealer import BallotSealer
from command.events.candidate_handler import CandidateHandler
from command.events.change_runner import ChangeRunner
from command.events.display_handler import DisplayHandler
from command.events.editing_handler import EditingHandler
from command.events.election_changes import ElectionChanges
from command.events.election_handler import ElectionHandler
from command.events.event_changes import EventChanges
from command.events.event_editing import EventEditing
from command.events.event_handler import EventHandler
from command.events.event_making import EventMaking
from command.events.event_reading import EventReading
from command.events.event_schedule import EventSchedule
from command.events.hearing_wait import HearingWait
from command.events.making_handler import MakingHandler
from command.identity_door import IdentityDoor
from command.settings import (
    Batching,
    Captcha,
    Changes,
    CommandListening,
    Commit,
    FraudRules,
    Hearing,
    Regions,
    VoteLimiting,
)
from command.votes.captcha_gate import AltchaGate, CaptchaGate, CaptchaProvider, ProviderGate
from command.votes.change_listener import ChangeListener
from command.votes.election_vote_handler import ElectionVoteHandler
from command.votes.ledger_connection import BATCH_SECONDS, LedgerConnection
from command.votes.region_finder import RegionFinder
from command.votes.rules.fraud_protection import FraudProtection, fraud_protection
from command.votes.rules.rule_set import RuleFileError
from command.votes.rules.rules_handler import RulesHandler
from command.votes.vote_batcher import VoteBatcher
from command.votes.vote_caster import EventKeys, VoteCaster
from command.votes.vote_handler import VoteHandler
from command.votes.vote_limits import VoteLimits
from command.votes.vote_log import VoteLog
from command.votes.vote_writer import VoteWriter
from command.votes.voting_event_directory import VotingEventDirectory
from contract import settings
from contract.challenge import Challenger
from contract.revocations import RevocationList
from contract.road import Part
from contract.tokens import SeedBox
from contract.vote_id import ReceiptCipher
from contract.web.background import Work
from contract.web.revocation_listener import RevocationListener
from contract.web.road_beacon import RoadBeacon
from contract.web.service import Service, run_service
from contract.web.token_verifier import TokenVerifier

DRAIN_S = 8


class CommandService(Service):
    """Everything that this process holds."""

    handler_types = (
        VoteHandler,
        MakingHandler,
        EditingHandler,
        EventHandler,
        DisplayHandler,
        RulesHandler,
        ElectionVoteHandler,
        ElectionHandler,
        CandidateHandler,
    )

    def __init__(self, env: Mapping[str, str]) -> None:
        self.listening = settings.read(CommandListening, env)
        database_url = settings.read(settings.Primary, env).url
        verification = settings.read(settings.Verification, env)
        batching, commit = settings.read(Batching, env), settings.read(Commit, env)
        receipt_keys = settings.read(settings.ReceiptKeys, env).by_number
        seal_keys = settings.read(settings.SealKeys, env).by_number
        if receipt_keys.keys() != seal_keys.keys():
            raise settings.SettingError("RECEIPT_KEYS_FILE and SEAL_KEYS_FILE must have the same key numbers")
        revoked = RevocationList()
        self._revocations = RevocationListener(settings.read(settings.IdentityDatabase, env).url, revoked)
        self._verifier = TokenVerifier(verification.jwks_url, revoked)
        self._batcher = VoteBatcher(
            batching.queue_votes_max, batching.batch_votes_max, batching.event_batches_max, batching.late_ms / 1000
        )
        self._ledgers = [LedgerConnection(database_url, commit) for _ in range(batching.writers)]
        self._vote_log = VoteLog()
        self._writers = [VoteWriter(ledger, self._batcher, seal_keys, self._vote_log) for ledger in self._ledgers]
        self._staff, self._scheduling, self._looking, self._lists = self._pools = _pools(
            database_url, settings.read(Changes, env).deadline_ms / 1000
        )
        rules = settings.read(FraudRules, env)
        self._rules = _rules(rules, database_url, seal_keys, self._staff)
        self._redis = redis.asyncio.Redis.from_url(rules.redis_url, socket_timeout=1) if rules.redis_url else None
        database = settings.read(Regions, env).database
        regions = RegionFinder(database) if database else None
        gate, self._provider = _captcha(env)
        directory = VotingEventDirectory(self._looking, batching.events_max)
        self._changes = ChangeListener(database_url, directory)
        self._limits = VoteLimits(settings.read(VoteLimiting, env), seal_keys[max(seal_keys)])
        self._votes = VoteCaster(
            SeedBox(verification.seed_keys),
            directory,
            self._batcher,
            {number: EventKeys(ReceiptCipher(key), seal_keys[number]) for number, key in receipt_keys.items()},
            limits=self._limits,
            regions=regions,
            captcha=gate,
            judge=self._rules.judge if self._rules else None,
            told=self._vote_log,
            deadline_ms=batching.deadline_ms,
        )
        ballots = BallotSealer(seal_keys)
        self._schedule = EventSchedule(self._scheduling, ballots)
        self._people = IdentityDoor(settings.read(settings.IdentityDatabase, env).url)
        self._hearing = HearingWait(self._staff, settings.read(Hearing, env))
        runner = ChangeRunner(self._staff)
        newest = max(number for number in seal_keys if number < settings.REHEARSAL_KEYS)
        events = EventChanges(runner, ballots, self._hearing)
        making, editing = EventMaking(runner, self._people, newest), EventEditing(runner, self._hearing)
        reading = EventReading(ChangeRunner(self._lists))
        elections = ElectionChanges(runner, making, editing, events, reading)
        self.handlers = (
            VoteHandler(self._verifier, self._votes),
            MakingHandler(self._verifier, making),
            EditingHandler(self._verifier, editing),
            EventHandler(self._verifier, events),
            DisplayHandler(self._verifier, events),
            RulesHandler(self._verifier, self._rules.report if self._rules else None),
            ElectionVoteHandler(self._verifier, self._votes),
            ElectionHandler(self._verifier, elections, events, reading),
            CandidateHandler(self._verifier, elections, editing),
        )

    async def why_not_ready(self) -> str:
        """Votes need the public keys and one writer."""
        if not self._verifier.ready:
            return "no public keys yet"
        if not self._revocations.has_looked:
            return "hasn't looked yet which sessions are revoked"
        return "" if any(ledger.can_commit for ledger in self._ledgers) else "no writer can commit to Postgres"

    async def open(self) -> None:
        """Start connecting."""
        if self._provider:
            await self._provider.open()
        for pool in (*self._pools, self._people):
            await pool.open()
        if self._rules:
            await self._rules.open()

    def work(self) -> Iterable[Work]:
        """The keys, the schedule, what has changed, the writers, their connections, the rules; staff are told of it."""
        return [
            self._verifier.run(),
            self._revocations.run(),
            self._schedule.run(),
            self._changes.run(),
            self._vote_log.run(),
            *(writer.run() for writer in self._writers),
            *(ledger.keep() for ledger in self._ledgers),
            *self._limits.work(),
            *(self._rules.work() if self._rules else ()),
            *([self._beacon(self._redis).run()] if self._redis else ()),
        ]

    async def drain(self) -> None:
        """Write what was taken; what can't be made durable in time was answered 503 by its deadline."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self._batcher.drained()
                if self._rules:
                    await self._rules.drain()

    async def close(self) -> None:
        """Let the connections go; the writers have closed theirs."""
        if self._provider:
            await self._provider.close()
        await self._hearing.close()
        await self._limits.close()
        for pool in (*self._pools, self._people):
            await pool.close()
        if self._rules:
            await self._rules.close()
        if self._redis:
            await self._redis.aclose()

    def _beacon(self, client: redis.asyncio.Redis) -> RoadBeacon:
        waiting = self._batcher.__len__
        return RoadBeacon(client, Part.VOTES, self.why_not_ready, BATCH_SECONDS, waiting)


def _rules(
    rules: FraudRules, database_url: str, keys: Mapping[int, bytes], staff: DurablePool
) -> FraudProtection | None:
    try:
        return fraud_protection(rules, database_url, keys, staff)
    except (RuleFileError, OSError) as error:
        raise settings.SettingError(f"FRAUD_RULES_FILE can't be used: {error}") from error


def _captcha(env: Mapping[str, str]) -> tuple[CaptchaGate, CaptchaProvider | None]:
    """Who lets votes through that need a captcha, and whom it asks, if anybody."""
    captcha = settings.read(Captcha, env)
    captcha.check()
    if captcha.provider == "altcha":
        return AltchaGate(Challenger(settings.read(settings.ChallengeKeys, env).by_number)), None
    from command.votes.siteverify import SiteVerify  # noqa: PLC0415  # its HTTP client is a fifth of the start

    provider = SiteVerify(captcha)
    return ProviderGate(provider, open_when_away=captcha.when_away == "open"), provider


def _pools(database_url: str, deadline_s: float) -> tuple[DurablePool, DurablePool, DurablePool, DurablePool]:
    """For staff's changes, the schedule, voters' look-ups, lists.

    What must never wait waits for nothing that clients send.
    """
    # A look-up of one event must be planned for it: a generic plan would lock every partition of every event.
    custom = "plan_cache_mode=force_custom_plan"
    # What only reads is let go after a while, and then runs on in no server that is alive.
    reading = (custom, "lock_timeout=2s", "statement_timeout=8s")
    return (
        DurablePool(
            database_url,
            "staff",
            custom,
            "lock_timeout=10s",
            connections_max=4,
            waiting_max=50,
            answer_within_s=deadline_s,
        ),
        DurablePool(database_url, "schedule", custom, "lock_timeout=2s", connections_max=4, waiting_max=1_000),
        DurablePool(database_url, "look-ups", *reading, connections_max=2, waiting_max=50),
        DurablePool(database_url, "lists", *reading, connections_max=1, waiting_max=10),
    )


if __name__ == "__main__":
    sys.exit(run_service("command", CommandService))
