"""POST /v1/vote/submit: check, hand to the batcher, answer what the ledger said.

A 200 means that the vote's COMMIT returned. A client that goes away, or a deadline that passes, cancels
the wait and never the commit.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from sanic import HTTPResponse, Request

from command.votes.ballot_directory import Ballot, BallotDirectory
from command.votes.vote_batcher import PendingVote, QueueFullError, VoteBatcher, VoteOutcome
from contract.errors import (
    AlreadyVoted,
    Busy,
    ContractError,
    EventNotOpen,
    NotDurable,
    NotFound,
    NotYours,
)
from contract.moment import rfc3339
from contract.pseudonym import voter_of
from contract.tokens import SeedBox
from contract.vote_id import ReceiptCipher, VoteKind
from contract.web.call import documented
from contract.web.request_body import json_body
from contract.web.service import answer
from contract.web.token_verifier import TokenVerifier

REGION_HEADER = "x-region"  # the edge removes what a client sends under this name


class VoteMeta(msgspec.Struct):
    """What the client tells of itself."""

    device_id: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    app_version: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class VoteRequest(msgspec.Struct):
    """A vote as a client sends it."""

    user_id: UUID
    event_id: UUID
    contestant_id: UUID
    client_timestamp: datetime | None = None
    meta: VoteMeta | None = None


class VoteAck(msgspec.Struct):
    """A vote that is durable."""

    vote_id: UUID
    vote_status: str
    accepted_at: datetime


class VoteHandler:
    """Turns requests into votes and outcomes into answers."""

    def __init__(
        self,
        verifier: TokenVerifier,
        seeds: SeedBox,
        events: BallotDirectory,
        batcher: VoteBatcher,
        receipts: Mapping[int, ReceiptCipher],
        device_keys: Mapping[int, bytes],
        deadline_ms: int,
    ) -> None:
        self._verifier = verifier
        self._seeds = seeds
        self._events = events
        self._batcher = batcher
        self._receipts = receipts
        self._device_keys = device_keys
        self._deadline_s = deadline_ms / 1000
        self._decoder = msgspec.json.Decoder(VoteRequest)

    @documented(
        "Cast a vote: 200 means that it is durable",
        body=VoteRequest,
        answers={200: VoteAck},
        refusals=[NotYours, NotFound, AlreadyVoted, EventNotOpen, Busy, NotDurable],
    )
    async def submit(self, request: Request) -> HTTPResponse:
        """Answer one POST; every refusal is a `ContractError`."""
        caller = self._verifier.caller(request)
        vote = json_body(request, self._decoder)
        if str(vote.user_id) != caller.user_id:
            raise NotYours
        facts, contestant_no = await self._events.find(vote.event_id, vote.contestant_id)
        pending = PendingVote(
            event_no=facts.event_no,
            key_no=facts.key_no,
            voter=voter_of(self._seeds.open(caller), facts.event_no),
            contestant_no=contestant_no,
            device=self._device(vote.meta, facts),
            region=_region(request),
            answer=asyncio.get_running_loop().create_future(),
        )
        return self._answer(pending, await self._cast(pending))

    async def _cast(self, pending: PendingVote) -> VoteOutcome:
        try:
            self._batcher.put(pending)
        except QueueFullError as error:
            raise Busy from error
        deadline = asyncio.get_running_loop().call_later(self._deadline_s, _give_up, pending)
        try:
            return await pending.answer
        finally:
            deadline.cancel()

    def _answer(self, pending: PendingVote, outcome: VoteOutcome) -> HTTPResponse:
        if outcome.kind is None:
            raise NotFound("contestant not found", field="contestant_id")
        vote_id = self._receipts[pending.key_no].seal(outcome.kind, pending.event_no, pending.voter)
        if outcome.accepted_at is None:
            raise _refusal(outcome.kind, vote_id)
        return answer({"vote_id": vote_id, "vote_status": "acked", "accepted_at": rfc3339(outcome.accepted_at)})

    def _device(self, meta: VoteMeta | None, facts: Ballot) -> int | None:
        """A keyed hash of event and device, so that devices can't be linked across events."""
        if meta is None or not meta.device_id:
            return None
        message = facts.event_no.to_bytes(4, "big") + meta.device_id.encode()
        digest = hashlib.blake2b(message, digest_size=8, key=self._device_keys[facts.key_no], person=b"device").digest()
        return int.from_bytes(digest, "big", signed=True)


def _give_up(pending: PendingVote) -> None:
    if not pending.answer.done():
        pending.answer.set_exception(NotDurable())


def _refusal(kind: VoteKind, vote_id: str) -> ContractError:
    receipt = {"vote_id": vote_id, "vote_status": kind.vote_status}
    if kind is VoteKind.DUPLICATE:
        return AlreadyVoted(receipt=receipt)
    if kind is VoteKind.NOT_OPEN:
        return EventNotOpen("the event has not opened yet", receipt=receipt)
    return EventNotOpen("the event has closed", receipt=receipt)


def _region(request: Request) -> str | None:
    region = request.headers.get(REGION_HEADER, "")
    return region if len(region) == 2 and region.isascii() and region.isupper() else None
