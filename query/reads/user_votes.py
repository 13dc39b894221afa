"""Whether a user has voted in an event: for that user, admins and auditors.

Only the user is told more. A receipt is the pseudonym, encrypted, and who votes is nearly alone in a microsecond: with
either of them, and the ledger, an auditor would get from an account to its choice.

A vote that the replica shows is there for good. One's own that it doesn't show is looked up on the primary, if there
is one besides, while the replica is behind or away; others' aren't.

A caller's own pseudonym comes out of their token; for others it is asked of identity's function, in its own database,
which tells it for one event and never the seed.
"""

import contextlib
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from contract.errors import Busy, NotFound, NotYours, WrongState
from contract.pseudonym import voter_of
from contract.tokens import Caller, SeedBox
from contract.vote_id import ReceiptCipher, VoteKind
from query.event import Event
from query.event_directory import EventDirectory
from query.identity_door import IdentityDoor
from query.replica_age import ReplicaAge
from query.replica_reader import OpenedEvent, ReplicaReader


class AcceptedVote(NamedTuple):
    """A vote in the ledger."""

    vote_id: str
    accepted_at: datetime


class UserVote(NamedTuple):
    """Whether there is a vote, and for its own user what it is."""

    has_voted: bool
    own: AcceptedVote | None = None


class UserVotes:
    """Looks votes up by the ledger's primary key; receipts are made under `ciphers` (by key_no)."""

    def __init__(
        self,
        seeds: SeedBox,
        ciphers: Mapping[int, ReceiptCipher],
        events: EventDirectory,
        replica: ReplicaReader,
        people: IdentityDoor,
        primary: ReplicaReader | None,
        age: ReplicaAge,
    ) -> None:
        self._seeds = seeds
        self._ciphers = ciphers
        self._events = events
        self._replica = replica
        self._people = people
        self._primary = primary
        self._age = age

    async def find(self, caller: Caller, event_id: uuid.UUID, user_id: uuid.UUID) -> UserVote:
        """What the caller may know of it; `NotYours`, `NotFound`, `WrongState` (archived), `Busy`."""
        is_own = caller.is_user(str(user_id))
        if not is_own and not caller.may_read_all:
            raise NotYours
        event = await self._events.find(event_id, caller)
        voter = await self._voter(caller, user_id, event.event_no)
        ((voted_at, archived),) = await self._look_up([(event.event_no, voter)], self._primary if is_own else None)
        if voted_at:
            return UserVote(has_voted=True, own=AcceptedVote(self._receipt(event, voter), voted_at) if is_own else None)
        if archived:
            raise WrongState("the event's votes are archived")
        return UserVote(has_voted=False)

    async def own(self, caller: Caller, events: Sequence[OpenedEvent]) -> list[AcceptedVote | None]:
        """The caller's vote in each of these events, None: there is none, or the event is archived; `Busy`."""
        seed = self._seeds.open(caller)
        asked = [(event.event_no, voter_of(seed, event.event_no)) for event in events]
        found = await self._look_up(asked, self._primary)
        return [
            AcceptedVote(self._receipt(event, voter), voted_at) if voted_at else None
            for event, (_, voter), (voted_at, _) in zip(events, asked, found, strict=True)
        ]

    async def _look_up(
        self, asked: Sequence[tuple[int, bytes]], primary: ReplicaReader | None
    ) -> list[tuple[datetime | None, bool]]:
        try:
            found = await self._replica.voted_at(asked)
        except Busy:
            if primary is None:
                raise
            return await primary.voted_at(asked)
        missing = [place for place, (voted_at, _) in enumerate(found) if voted_at is None]
        if primary and missing and self._age.is_stale:
            with contextlib.suppress(Busy):  # then the answer is marked as what it is: see replica_age
                known = await primary.voted_at([asked[place] for place in missing])
                for place, each in zip(missing, known, strict=True):
                    found[place] = each
        return found

    def _receipt(self, event: Event | OpenedEvent, voter: bytes) -> str:
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
