"""What a host may enter of an event and of its contestants, and what a change names."""

import msgspec
import pytest

from command.events.event_draft import EventDraft, NewContestant
from command.events.event_edit import ContestantEdit, EventEdit
from contract.errors import InvalidField


def draft(*names: str, image: str = "") -> EventDraft:
    return EventDraft(event_name="Final", contestants=[NewContestant(name, "", image) for name in names])


@pytest.mark.parametrize("alike", ["Ada", "ADA", "\u0410da", "A\u200bda", " Ada\u00a0", "ᴬda"])
def test_names_that_look_alike_are_refused(alike: str) -> None:
    """The second of them is named; it doesn't matter where they stand."""
    with pytest.raises(InvalidField) as refused:
        draft("Ada", "Bea", alike).checked()
    assert refused.value.field == "contestants[2].contestant_name"


def test_an_event_may_be_entered_without_contestants() -> None:
    """They can come later; what names look like goes with them."""
    assert draft().checked()["skeletons"] == []
    assert len(draft("Ada", "Bea", "Ödön", "李娜").checked()["skeletons"]) == 4


@pytest.mark.parametrize(
    "url", ["https://", "http://?x", "https://user:word@host/x.png", "https://[::1/x", "http://h:0/"]
)
def test_an_image_has_an_address(url: str) -> None:
    """One that names no server, or carries a login, is refused; none at all is fine."""
    with pytest.raises(InvalidField) as refused:
        draft("Ada", image=url).checked()
    assert refused.value.field == "contestants[0].contestant_image_url"
    draft("Ada", image="https://media.example/ada.png?size=2").checked()


def test_a_change_says_what_it_names_and_no_more() -> None:
    """Null takes away; what isn't named stays; a field that no event has is ignored."""
    given = b'{"event_description": null, "captcha": true, "status": "open", "theme": {"accent": "#ff0000"}}'
    edit = msgspec.json.decode(given, type=EventEdit)
    assert edit.checked() == {"event_description": None, "captcha": True, "theme": {"accent": "#ff0000"}}
    assert msgspec.json.decode(b'{"order_no": 2}', type=ContestantEdit).checked() == {"order_no": 2}


@pytest.mark.parametrize(
    ("given", "culprit"),
    [
        ({"event_name": "\u200b"}, "event_name"),
        ({"closes_at": "2020-01-01T00:00:00Z"}, "closes_at"),
        ({"theme": {"logo_url": "https://?"}}, "theme.logo_url"),
    ],
)
def test_a_change_is_checked_as_a_draft_is(given: dict[str, object], culprit: str) -> None:
    """By the same rules, and the field is named."""
    with pytest.raises(InvalidField) as refused:
        msgspec.convert(given, EventEdit, strict=False).checked()
    assert refused.value.field == culprit


def test_what_may_hide_results() -> None:
    """Only a visibility that isn't public."""
    assert EventEdit(results_visibility="staff").may_hide
    assert EventEdit(results_visibility="after_close").may_hide
    assert not EventEdit(results_visibility="public").may_hide
    assert not EventEdit(captcha=True).may_hide
