"""GET /v1/event/{event_id}/vote/{user_id}: whether a user has voted; for that user, admins and auditors.

A caller's own pseudonym comes out of their token; for others it is asked of identity's function, which tells it for
one event and never the seed.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime

import msgspec
from sanic import HTTPResponse, Request

from contract.errors import Busy, NotFound, NotYours
from contract.moment import rfc3339
from contract.pseudonym import voter_of
from contract.tokens import Caller, SeedBox
from contract.vote_id import ReceiptCipher, VoteKind
from contract.web.call import documented
from contract.web.service import answer, uuid_in_path
from contract.web.token_verifier import TokenVerifier
from query.event import Event
from query.event_directory import EventDirectory
from query.replica_reader import ReplicaReader


class UserVote(msgspec.Struct):
    """Whether a user has voted in an event; without a vote the last two are null."""

    event_id: uuid.UUID
    user_id: uuid.UUID
    has_voted: bool
    vote_id: uuid.UUID | None
    voted_at: datetime | None


class UserVoteHandler:
    """Looks a user's vote up by the ledger's primary key; receipts are made under `ciphers` (by key_no)."""

    def __init__(
        self,
        verifier: TokenVerifier,
        seeds: SeedBox,
        ciphers: Mapping[int, ReceiptCipher],
        events: EventDirectory,
        replica: ReplicaReader,
    ) -> None:
        self._verifier = verifier
        self._seeds = seeds
        self._ciphers = ciphers
        self._events = events
        self._replica = replica

    @documented("Whether a user has voted in an event", answers={200: UserVote}, refusals=[NotFound, NotYours])
    async def vote(self, request: Request, event_id: str, user_id: str) -> HTTPResponse:
        """The user, an admin or an auditor gets the vote; others 403."""
        caller = self._verifier.caller(request)
        user = uuid_in_path(user_id, "user_id")
        if caller.user_id != str(user) and not caller.may_read_all:
            raise NotYours
        event = await self._events.find(event_id)
        voter = await self._voter(caller, user, event.event_no)
        voted_at = await self._replica.voted_at(event.event_no, voter)
        return answer(
            {
                "event_id": event.event_id,
                "user_id": str(user),
                "has_voted": voted_at is not None,
                "vote_id": self._receipt(event, voter) if voted_at else None,
                "voted_at": rfc3339(voted_at) if voted_at else None,
            }
        )

    def _receipt(self, event: Event, voter: bytes) -> str:
        if event.key_no not in self._ciphers:
            raise Busy("this server doesn't have the event's key yet")
        return self._ciphers[event.key_no].seal(VoteKind.ACCEPTED, event.event_no, voter)

    async def _voter(self, caller: Caller, user: uuid.UUID, event_no: int) -> bytes:
        if caller.user_id == str(user):
            return voter_of(self._seeds.open(caller), event_no)
        voter = await self._replica.voter_of(user, event_no)
        if voter is None:
            raise NotFound("user not found", field="user_id")
        return voter
