"""An event as a host enters it: shapes, limits, and what no shape can say. Pure."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from contract.assurance import Assurance
from contract.errors import InvalidField
from contract.moment import rfc3339
from contract.visible_text import is_visible

LAST_YEAR = 9998  # of a moment that stays readable in every time zone
_NO_NUL = r"^[^\x00]*$"  # Postgres' text can't hold it
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=_NO_NUL)]
Text = Annotated[str, msgspec.Meta(max_length=4000, pattern=_NO_NUL)]
ImageUrl = Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^(https?://[^\s\x00]+)?$")]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class NewContestant(msgspec.Struct, omit_defaults=True):
    """A contestant as a host enters it."""

    contestant_name: Name
    contestant_description: Text
    contestant_image_url: ImageUrl
    party: Name | None = None


class EventDraft(msgspec.Struct, omit_defaults=True, kw_only=True):
    """An event as a host enters it; kept as it is in the audit log."""

    event_name: Name
    contestants: Annotated[list[NewContestant], msgspec.Meta(min_length=1, max_length=1000)]
    event_description: Text | None = None
    opens_at: Moment | None = None
    closes_at: Moment | None = None
    results_visibility: Literal["public", "after_close", "staff"] | None = "public"
    captcha: bool | None = False
    assurance_min: Assurance | None = Assurance.PASSWORD
    expected_votes: Annotated[int, msgspec.Meta(ge=1, le=10**10)] | None = None

    def checked(self) -> dict[str, Any]:
        """The draft as plain data, its moments in UTC; raises `InvalidField`."""
        _require_visible(self.event_name, "event_name")
        for number, contestant in enumerate(self.contestants):
            _require_visible(contestant.contestant_name, f"contestants[{number}].contestant_name")
            if contestant.party is not None:
                _require_visible(contestant.party, f"contestants[{number}].party")
        content: dict[str, Any] = msgspec.to_builtins(self)
        for field in ("opens_at", "closes_at"):
            if (moment := getattr(self, field)) is not None:
                content[field] = _in_future(moment, field)
        if self.opens_at and self.closes_at and self.closes_at <= self.opens_at:
            raise InvalidField("closes_at must be after opens_at", field="closes_at")
        return content


def _require_visible(text: str, field: str) -> None:
    if not is_visible(text):
        raise InvalidField(f"{field} must have something to see", field=field)


def _in_future(moment: datetime, field: str) -> str:
    try:
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidField(f"{field} is out of range", field=field) from error
    if moment.year > LAST_YEAR:
        raise InvalidField(f"{field} is out of range", field=field)
    if moment <= datetime.now(UTC):
        raise InvalidField(f"{field} is past", field=field)
    return rfc3339(moment)
