"""Whether a user has voted in an event: for that user, admins and auditors.

A caller's own pseudonym comes out of their token; for others it is asked of identity's function, in its own database,
which tells it for one event and never the seed.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from contract.errors import Busy, NotFound, NotYours, WrongState
from contract.pseudonym import voter_of
from contract.tokens import Caller, SeedBox
from contract.vote_id import ReceiptCipher, VoteKind
from query.event import Event
from query.event_directory import EventDirectory
from query.identity_door import IdentityDoor
from query.replica_reader import ReplicaReader


class AcceptedVote(NamedTuple):
    """A vote in the ledger."""

    vote_id: str
    accepted_at: datetime


class UserVotes:
    """Looks votes up by the ledger's primary key; receipts are made under `ciphers` (by key_no)."""

    def __init__(
        self,
        seeds: SeedBox,
        ciphers: Mapping[int, ReceiptCipher],
        events: EventDirectory,
        replica: ReplicaReader,
        people: IdentityDoor,
    ) -> None:
        self._seeds = seeds
        self._ciphers = ciphers
        self._events = events
        self._replica = replica
        self._people = people

    async def find(self, caller: Caller, event_id: uuid.UUID, user_id: uuid.UUID) -> AcceptedVote | None:
        """The user's vote, if there is one; `NotYours`, `NotFound`, `WrongState` (archived), `Busy`."""
        if not caller.is_user(str(user_id)) and not caller.may_read_all:
            raise NotYours
        event = await self._events.find(event_id, caller)
        voter = await self._voter(caller, user_id, event.event_no)
        voted_at, archived = await self._replica.voted_at(event.event_no, voter)
        if voted_at:
            return AcceptedVote(self._receipt(event, voter), voted_at)
        if archived:
            raise WrongState("the event's votes are archived")
        return None

    def _receipt(self, event: Event, voter: bytes) -> str:
        if event.key_no not in self._ciphers:
            raise Busy("this server doesn't have the event's key yet")
        return self._ciphers[event.key_no].seal(VoteKind.ACCEPTED, event.event_no, voter)

    async def _voter(self, caller: Caller, user_id: uuid.UUID, event_no: int) -> bytes:
        if caller.is_user(str(user_id)):
            return voter_of(self._seeds.open(caller), event_no)
        voter = await self._people.voter_of(user_id, event_no)
        if voter is None:
            raise NotFound("user not found", field="user_id")
        return voter
