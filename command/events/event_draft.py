"""An event as a host enters it: shapes, limits, and what no shape can say. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from command.likeness import skeleton_of
from contract.assurance import Assurance
from contract.errors import InvalidField
from contract.moment import rfc3339
from contract.visible_text import NO_NUL, is_visible

LAST_YEAR = 9998  # of a moment that stays readable in every time zone
CONTESTANTS_MAX = 1000
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=NO_NUL)]
Text = Annotated[str, msgspec.Meta(max_length=4000, pattern=NO_NUL)]
ImageUrl = Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^(https?://[^\s\x00]+)?$")]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Colour = Annotated[str, msgspec.Meta(pattern=r"^#[0-9a-fA-F]{6}$")]
Votes = Annotated[int, msgspec.Meta(ge=1, le=10**10)]
Visibility = Literal["public", "after_close", "staff"]


class Theme(msgspec.Struct, omit_defaults=True):
    """How an event looks on its pages: colours as #rrggbb, the name of a font, the address of a logo."""

    background: Colour | None = None
    foreground: Colour | None = None
    accent: Colour | None = None
    font: Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[\w \-]+$")] | None = None
    logo_url: ImageUrl | None = None


class NewContestant(msgspec.Struct, omit_defaults=True):
    """A contestant as a host enters it."""

    contestant_name: Name
    contestant_description: Text
    contestant_image_url: ImageUrl
    party: Name | None = None


class EventDraft(msgspec.Struct, omit_defaults=True, kw_only=True):
    """An event as a host enters it; kept as it is in the audit log."""

    event_name: Name
    contestants: Annotated[list[NewContestant], msgspec.Meta(max_length=CONTESTANTS_MAX)]
    event_description: Text | None = None
    opens_at: Moment | None = None
    closes_at: Moment | None = None
    results_visibility: Visibility | None = "public"
    captcha: bool | None = False
    assurance_min: Assurance | None = Assurance.PASSWORD
    expected_votes: Votes | None = None
    eligible_voters: Votes | None = None
    rehearsal: bool | None = False
    two_person: bool | None = False
    theme: Theme | None = None

    def checked(self) -> dict[str, Any]:
        """The draft as plain data, its moments in UTC, and what its contestants' names look like; `InvalidField`."""
        require_visible(self.event_name, "event_name")
        if self.assurance_min is Assurance.CANARY and not self.rehearsal:
            raise InvalidField("only a rehearsal is for canaries", field="assurance_min")
        if self.theme:
            require_image(self.theme.logo_url, "theme.logo_url")
        for number, contestant in enumerate(self.contestants):
            require_contestant(msgspec.structs.asdict(contestant), f"contestants[{number}].")
        content: dict[str, Any] = msgspec.to_builtins(self)
        content["skeletons"] = skeletons_of([each.contestant_name for each in self.contestants])
        for field in ("opens_at", "closes_at"):
            if (moment := getattr(self, field)) is not None:
                content[field] = in_future(moment, field)
        if self.opens_at and self.closes_at and self.closes_at <= self.opens_at:
            raise InvalidField("closes_at must be after opens_at", field="closes_at")
        return content


def look_of(name: str) -> str:
    """The same for contestants whose names look alike, however they are spaced."""
    return skeleton_of(" ".join(name.split()))


def skeletons_of(names: Sequence[str]) -> list[str]:
    """What the names of one event look like; `InvalidField` names the first that looks like an earlier one."""
    seen: dict[str, None] = {}
    for number, name in enumerate(names):
        skeleton = look_of(name)
        if skeleton in seen:
            field = f"contestants[{number}].contestant_name"
            raise InvalidField(f"{field} looks like another contestant's", field=field)
        seen[skeleton] = None
    return list(seen)


def require_contestant(given: dict[str, Any], path: str = "") -> None:
    """`InvalidField` for a name or a party that nobody can see, and for an address that no image can have."""
    for field in ("contestant_name", "party"):
        if given.get(field) is not None:
            require_visible(given[field], path + field)
    require_image(given.get("contestant_image_url"), f"{path}contestant_image_url")


def require_visible(text: str, field: str) -> None:
    """`InvalidField` for a text that leaves no mark on a screen."""
    if not is_visible(text):
        raise InvalidField(f"{field} must have something to see", field=field)


def require_image(url: str | None, field: str) -> None:
    """`InvalidField` for an address without a server, or with a login in it."""
    try:
        parts = urlsplit(url or "")
        sound = not url or (bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0)
    except ValueError:
        sound = False
    if not sound:
        raise InvalidField(f"{field} must be the address of an image", field=field)


def in_future(moment: datetime, field: str) -> str:
    """The moment in UTC, as the contract writes it; `InvalidField` for one that is past, or beyond the calendar."""
    try:
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidField(f"{field} is out of range", field=field) from error
    if moment.year > LAST_YEAR:
        raise InvalidField(f"{field} is out of range", field=field)
    if moment <= datetime.now(UTC):
        raise InvalidField(f"{field} is past", field=field)
    return rfc3339(moment)
