"""Events, newest first, a page at a time; drafts are for staff."""

from typing import Literal, NamedTuple, get_args
from uuid import UUID

from contract.errors import InvalidField
from contract.tokens import Caller
from query.event import EventSummary
from query.replica_reader import ReplicaReader

PAGE_EVENTS = 50
EventStatus = Literal["draft", "scheduled", "open", "paused", "closed", "cancelled"]


class EventPage(NamedTuple):
    """Some events, and after which one the next page begins; None: it is the last page."""

    events: list[EventSummary]
    next_cursor: str | None


class EventPages:
    """Reads pages from the replica."""

    def __init__(self, replica: ReplicaReader) -> None:
        self._replica = replica

    async def page(self, caller: Caller, status: str | None, after: UUID | None) -> EventPage:
        """Events of this status (None: of any) that this caller may know of; `InvalidField`, `Busy`."""
        if status is not None and status not in get_args(EventStatus):
            raise InvalidField(f"status must be one of {', '.join(get_args(EventStatus))}", field="status")
        found = await self._replica.events(status, after, PAGE_EVENTS + 1, with_drafts=caller.is_staff)
        events = found[:PAGE_EVENTS]
        return EventPage(events, events[-1].event_id if len(found) > len(events) else None)
