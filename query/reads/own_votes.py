"""All votes of one person, for that person: event by event, since nothing but the token links them."""

from typing import NamedTuple
from uuid import UUID

from contract.errors import WrongState
from contract.tokens import Caller
from query.event import EventSummary
from query.reads.event_pages import EventPages
from query.reads.user_votes import AcceptedVote, UserVotes

NEVER_OPENED = ("draft", "scheduled")


class OwnVotes(NamedTuple):
    """Votes in a page of events, newest event first; the cursor of the next page, None: it was the last."""

    votes: list[tuple[EventSummary, AcceptedVote]]
    next_cursor: str | None


class OwnVotePages:
    """Looks through the events, a page at a time: a look-up by primary key for each."""

    def __init__(self, pages: EventPages, votes: UserVotes) -> None:
        self._pages = pages
        self._votes = votes

    async def page(self, caller: Caller, after: UUID | None) -> OwnVotes:
        """The caller's votes in the events after this one; those of archived events aren't here any more."""
        page = await self._pages.page(caller, None, after)
        found = []
        for event in page.events:
            if event.status in NEVER_OPENED:
                continue
            try:
                vote = await self._votes.find(caller, UUID(event.event_id), UUID(caller.user_id))
            except WrongState:
                continue
            if vote:
                found.append((event, vote))
        return OwnVotes(found, page.next_cursor)
