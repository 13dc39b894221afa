"""An event as readers see it, and who may know of it; who may see its results is in on_air. Pure."""

import msgspec

from contract.answer_text import Id, Time
from contract.errors import NotFound
from contract.standings import OnAir
from contract.tokens import Caller
from query.event_look import PageTheme


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
    rehearsal: bool


class AskedChange(msgspec.Struct, frozen=True):
    """What one of the staff asked for that another one has to confirm until `expires_at`; `reason`: of a void round."""

    action: str
    asked_by: Id
    role: str | None
    reason: str | None
    expires_at: Time


class Event(EventSummary, frozen=True, kw_only=True):
    """An event with its numbers inside the ledger; contestants in the order given by the host."""

    event_no: int
    key_no: int
    change_no: int
    frozen: bool
    revealed: int | None
    two_person: bool
    short_code: str
    theme: PageTheme = PageTheme()
    expected_votes: int | None = None
    eligible_voters: int | None = None
    void_reason: str | None = None
    asked: AskedChange | None = None
    contestants: tuple[Contestant, ...]

    @property
    def on_air(self) -> OnAir:
        """Who may see the results, as of this row."""
        return OnAir(self.change_no, self.status, self.results_visibility, self.frozen, self.revealed)


def require_listed(status: str, caller: Caller | None) -> None:
    """Raise `NotFound` unless this caller (None: anybody) may know of an event of this status: drafts are for staff."""
    if status == "draft" and not (caller and caller.is_staff):
        raise NotFound("event not found", field="event_id")
