"""All votes of one person, for that person: event by event, since nothing but the token links them."""

from typing import NamedTuple
from uuid import UUID

from contract.tokens import Caller
from query.reads.user_votes import AcceptedVote, UserVotes
from query.replica_reader import OpenedEvent, ReplicaReader

PAGE_EVENTS = 50


class OwnVotes(NamedTuple):
    """Votes in a page of events, newest event first; the cursor of the next page, None: it was the last."""

    votes: list[tuple[OpenedEvent, AcceptedVote]]
    next_cursor: str | None


class OwnVotePages:
    """Looks through the events that are or were open, a page at a time: a look-up by primary key for each."""

    def __init__(self, replica: ReplicaReader, votes: UserVotes) -> None:
        self._replica = replica
        self._votes = votes

    async def page(self, caller: Caller, after: UUID | None) -> OwnVotes:
        """The caller's votes in the events after this one; those of archived events aren't here any more. `Busy`."""
        found = await self._replica.opened_events(after, PAGE_EVENTS + 1)
        events = found[:PAGE_EVENTS]
        votes = await self._votes.own(caller, events)
        return OwnVotes(
            [(event, vote) for event, vote in zip(events, votes, strict=True) if vote],
            events[-1].event_id if len(found) > len(events) else None,
        )
