"""What a page needs so that it can be used by a screen reader, and by a thumb."""

import re

from playwright.sync_api import Page, expect

NAMED = re.compile(r"\S")


def expect_usable(page: Page) -> None:
    """By what the browser would tell: see the names; nothing to press is smaller than a thumb."""
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.evaluate(
        "[...document.querySelectorAll('[id]')].every((each, _, all) => "
        "[...all].filter((other) => other.id === each.id).length === 1)"
    )
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    for role in ("radio", "button", "textbox", "link"):
        for each in page.get_by_role(role).all():
            assert each.get_attribute("tabindex") is None
            expect(each).to_have_accessible_name(NAMED)
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert box and box["height"] >= 44
