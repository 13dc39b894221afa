"""Casting a vote: the use case, whatever dialect it was asked in.

The vote is handed to the batcher, and what the ledger says of it is the answer. Who goes away, or a deadline that
passes, cancels the wait and never the commit.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from command.votes.captcha_gate import Attempt, CaptchaGate, CaptchaSpentError
from command.votes.keyed_hash import keyed_hash
from command.votes.region_finder import RegionFinder
from command.votes.rules.rule_set import Action
from command.votes.rules.vote_judge import VoteJudge
from command.votes.vote_batcher import PendingVote, QueueFullError, UnknownEventError, VoteBatcher, VoteOutcome
from command.votes.vote_limits import VoteLimits
from command.votes.vote_log import OTHERS, VoteLog
from command.votes.voting_event_directory import VotingEvent, VotingEventDirectory
from contract import metric_names
from contract.assurance import Assurance
from contract.errors import (
    AlreadyVoted,
    Busy,
    CaptchaInvalid,
    CaptchaRequired,
    ContractError,
    EventNotOpen,
    Forbidden,
    NotDurable,
    NotFound,
    Refused,
    RefusedReceipt,
)
from contract.pseudonym import voter_of
from contract.tokens import Caller, SeedBox
from contract.tracing import SpanContext
from contract.unlocked_counter import UnlockedCounter
from contract.vote_id import ReceiptCipher, VoteKind

ACCEPTED = UnlockedCounter(
    metric_names.ACCEPTED, "Votes acked, repeats included, by how it is known who the voter is", ["assurance"]
)
_ACCEPTED_BY = {each: ACCEPTED.labels(each.value) for each in Assurance}

READINGS_MAX = 2  # of one event, for one vote: what is remembered of it, and what is there


class EventKeys(NamedTuple):
    """What a key_no stands for: the cipher of receipts, and the key of hashes (32 bytes)."""

    receipts: ReceiptCipher
    hashes: bytes


class AcceptedVote(NamedTuple):
    """A vote that is durable: its receipt, and when it was accepted, by the database's clock."""

    vote_id: str
    accepted_at: datetime


class VoteCaster:
    """Casts votes; `keys` are by key_no. Without a judge no vote is refused for what it looks like."""

    def __init__(  # noqa: PLR0913  # all that a vote passes
        self,
        seeds: SeedBox,
        events: VotingEventDirectory,
        batcher: VoteBatcher,
        keys: Mapping[int, EventKeys],
        *,
        limits: VoteLimits,
        regions: RegionFinder | None,
        captcha: CaptchaGate,
        judge: VoteJudge | None,
        told: VoteLog,
        deadline_ms: int,
    ) -> None:
        self._seeds = seeds
        self._events = events
        self._batcher = batcher
        self._keys = keys
        self._limits = limits
        self._regions = regions
        self._captcha = captcha
        self._judge = judge
        self._told = told
        self._deadline_s = deadline_ms / 1000

    async def cast(
        self,
        caller: Caller,
        event_id: UUID,
        contestant_id: UUID,
        device_id: str | None,
        address: str,
        captcha_token: str | None,
        trace: SpanContext | None = None,
    ) -> AcceptedVote:
        """Cast the caller's vote, sent from this address, and traced if `trace` says so; it returns after its COMMIT.

        Every refusal is a `ContractError`.
        """
        try:
            return await self._cast(Attempt(caller, event_id, address, captcha_token), contestant_id, device_id, trace)
        except ContractError as refused:
            if refused.receipt is None:  # else the ledger has refused it, and its writer tells of it
                self._told.note(event_id if self._events.knows(event_id) else OTHERS, refused.code)
            raise

    async def _cast(
        self, attempt: Attempt, contestant_id: UUID, device_id: str | None, trace: SpanContext | None
    ) -> AcceptedVote:
        caller, event_id = attempt.caller, attempt.event_id
        self._limits.require(caller.user_id, attempt.address)
        region = self._regions.region_of(attempt.address) if self._regions else None
        seed = self._seeds.open(caller)
        for _ in range(READINGS_MAX):
            voting, contestant_no = await self._events.find(caller.user_id, event_id, contestant_id)
            _check_assurance(caller, voting)
            if voting.key_no not in self._keys:
                raise Busy("this server doesn't have the event's keys yet")
            spent = await self._spent_captcha(attempt) if voting.captcha else None
            pending = PendingVote(
                event=voting.event,
                key_no=voting.key_no,
                voter=voter_of(seed, voting.event.event_no),
                contestant_no=contestant_no,
                device=self._hash(voting, device_id) if device_id else None,
                region=region,
                answer=asyncio.get_running_loop().create_future(),
                trace=trace,
            )
            try:
                judged = self._known(pending, spent) if spent else self._judged(attempt, voting, pending)
                accepted = self._answer(pending, await judged)
                _ACCEPTED_BY[caller.assurance].inc()
                return accepted
            except UnknownEventError:
                self._events.forget(event_id)
        raise Busy

    def _answer(self, pending: PendingVote, outcome: VoteOutcome) -> AcceptedVote:
        if outcome.kind is None:
            raise NotFound("contestant not found", field="contestant_id")
        vote_id = self._keys[pending.key_no].receipts.seal(outcome.kind, pending.event.event_no, pending.voter)
        if outcome.accepted_at is None:
            raise _refusal(RefusedReceipt(vote_id, outcome.kind))
        return AcceptedVote(vote_id, outcome.accepted_at)

    async def _judged(self, attempt: Attempt, voting: VotingEvent, pending: PendingVote) -> VoteOutcome:
        """What the ledger says, which is told what the rules say; a challenge is answered as the event's own is."""
        if self._judge is None:
            return await self._outcome(pending)
        judgement = self._judge.judge(attempt.caller, pending, attempt.address, voting)
        kind = None
        try:
            if judgement.action is Action.CHALLENGE and await self._passes(attempt):
                self._judge.pass_challenge(judgement)
            pending.refused = judgement.refused
            outcome = await self._outcome(pending)
            kind = outcome.kind
            return outcome
        finally:
            self._judge.note(judgement, kind)

    async def _spent_captcha(self, attempt: Attempt) -> CaptchaSpentError | None:
        """Return when it has solved the captcha that the event asks for, or had solved it, maybe: then with what to say
        to whose vote isn't there.
        """
        try:
            await self._captcha.require(attempt)
        except CaptchaSpentError as spent:
            return spent
        return None

    async def _known(self, pending: PendingVote, spent: CaptchaSpentError) -> VoteOutcome:
        """What the ledger has of this voter already: an answer that was lost is had without another captcha."""
        pending.refused = VoteKind.CHALLENGED
        outcome = await self._outcome(pending)
        if outcome.kind is VoteKind.CHALLENGED:
            raise spent
        return outcome

    async def _passes(self, attempt: Attempt) -> bool:
        """Whether it has solved a captcha. Without one it goes to the ledger all the same, where it may be already."""
        try:
            await self._captcha.require(attempt)
        except (CaptchaRequired, CaptchaInvalid):
            return False
        return True

    async def _outcome(self, pending: PendingVote) -> VoteOutcome:
        try:
            self._batcher.put(pending)
        except QueueFullError as error:
            raise Busy from error
        deadline = asyncio.get_running_loop().call_later(self._deadline_s, _give_up, pending)
        try:
            return await pending.answer
        finally:
            deadline.cancel()

    def _hash(self, voting: VotingEvent, device_id: str) -> int:
        """Of event and device, so that devices can't be linked across events."""
        return keyed_hash(self._keys[voting.key_no].hashes, voting.event.event_no, device_id, b"device")


def _check_assurance(caller: Caller, voting: VotingEvent) -> None:
    """Who isn't known well enough is told so before anything is written: the vote may come again, better vouched."""
    if not caller.assurance.meets(voting.assurance_min):
        least = voting.assurance_min.value
        raise Forbidden(f"this event asks for assurance {least!r}, your token says {caller.assurance.value!r}")


def _give_up(pending: PendingVote) -> None:
    if not pending.answer.done():
        pending.answer.set_exception(NotDurable())


def _refusal(receipt: RefusedReceipt) -> ContractError:
    if receipt.kind is VoteKind.DUPLICATE:
        return AlreadyVoted(receipt=receipt)
    if receipt.kind is VoteKind.REFUSED:
        return Refused(receipt=receipt)
    if receipt.kind is VoteKind.CHALLENGED:
        return CaptchaRequired("solve a captcha, and send the vote again with it", field="captcha_token")
    if receipt.kind is VoteKind.NOT_OPEN:
        return EventNotOpen("the event has not opened yet", receipt=receipt)
    if receipt.kind is VoteKind.PAUSED:
        return EventNotOpen("voting is paused", receipt=receipt)
    assert receipt.kind is VoteKind.CLOSED  # the gate knows no other reason
    return EventNotOpen("the event has closed", receipt=receipt)
