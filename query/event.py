"""An event as readers see it, and who may know of it and of its results: pure."""

import msgspec

from contract.answer_text import Id, Time
from contract.errors import NotFound, ResultsHidden
from contract.tokens import Caller


class Contestant(msgspec.Struct, frozen=True):
    """A contestant as everybody sees it."""

    contestant_no: int
    contestant_id: Id
    contestant_name: str
    contestant_description: str
    contestant_image_url: str
    party: str | None


class EventSummary(msgspec.Struct, frozen=True):
    """What an event is; the times are RFC 3339, null when nothing is scheduled."""

    event_id: Id
    event_name: str
    event_description: str | None
    status: str
    opens_at: Time | None
    closes_at: Time | None
    results_visibility: str
    captcha: bool
    assurance_min: str


class Event(EventSummary, frozen=True, kw_only=True):
    """An event with its numbers inside the ledger; contestants in the order given by the host."""

    event_no: int
    key_no: int
    contestants: tuple[Contestant, ...]


def require_listed(status: str, caller: Caller | None) -> None:
    """Raise `NotFound` unless this caller (None: anybody) may know of an event of this status: drafts are for staff."""
    if status == "draft" and not (caller and caller.is_staff):
        raise NotFound("event not found", field="event_id")


def is_restricted(event: Event) -> bool:
    """Whether the results are hidden from most people now; the close of a cancelled event never comes."""
    visibility = event.results_visibility
    return (
        event.status == "draft" or visibility == "staff" or (visibility == "after_close" and event.status != "closed")
    )


def require_visible(event: Event, caller: Caller | None) -> None:
    """Raise `ResultsHidden` unless this caller (None: anybody) may see the results now."""
    if is_restricted(event) and not (caller and (caller.is_staff or caller.may_read_all)):
        raise ResultsHidden
