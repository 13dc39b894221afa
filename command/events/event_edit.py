"""Changes of an event and of its contestants as a host enters them: only what is named is changed. Pure."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from command.events.event_draft import (
    CONTESTANTS_MAX,
    ImageUrl,
    Moment,
    Name,
    Text,
    Theme,
    Visibility,
    in_future,
    require_contestant,
    require_image,
    require_visible,
)


class EventEdit(msgspec.Struct, kw_only=True):
    """What is to change of an event; null takes away what it may go without."""

    event_name: Name | UnsetType = UNSET
    event_description: Text | UnsetType | None = UNSET
    opens_at: Moment | UnsetType | None = UNSET
    closes_at: Moment | UnsetType | None = UNSET
    results_visibility: Visibility | UnsetType = UNSET
    captcha: bool | UnsetType = UNSET
    theme: Theme | UnsetType | None = UNSET

    def checked(self) -> dict[str, Any]:
        """The changes as plain data, moments in UTC; `InvalidField`."""
        changes: dict[str, Any] = msgspec.to_builtins(self)
        if isinstance(self.event_name, str):
            require_visible(self.event_name, "event_name")
        if isinstance(self.theme, Theme):
            require_image(self.theme.logo_url, "theme.logo_url")
        for field in ("opens_at", "closes_at"):
            if changes.get(field) is not None:
                changes[field] = in_future(getattr(self, field), field)
        return changes

    @property
    def may_hide(self) -> bool:
        """Whether somebody may see less afterwards."""
        return self.results_visibility not in (UNSET, "public")


class ContestantEdit(msgspec.Struct, kw_only=True):
    """What is to change of a contestant; order_no is its place among the others, from 1."""

    contestant_name: Name | UnsetType = UNSET
    contestant_description: Text | UnsetType = UNSET
    contestant_image_url: ImageUrl | UnsetType = UNSET
    party: Name | UnsetType | None = UNSET
    order_no: Annotated[int, msgspec.Meta(ge=1, le=CONTESTANTS_MAX)] | UnsetType = UNSET

    def checked(self) -> dict[str, Any]:
        """The changes as plain data; `InvalidField`."""
        changes: dict[str, Any] = msgspec.to_builtins(self)
        require_contestant(changes)
        return changes
