"""A host at the desk: uses it by what it says, by the keyboard where it goes on air."""

import re
import time
from typing import Any

import psycopg
from playwright.sync_api import Locator, Page, ViewportSize, expect

from ops.rig.running_stack import RunningStack
from tests.browser.complaints import note_complaints

STUDIO: ViewportSize = {"width": 1600, "height": 1000}  # a screen; hosts have phones, too
ARMED_S = 10  # so long the first of two presses counts


class HostAtDesk:
    """The demo's admin, with a page of the browser that they have open."""

    def __init__(self, page: Page, demo: dict[str, Any], complaints: list[str]) -> None:
        self.page = page
        self._demo = demo
        note_complaints(page, demo["edge_url"], complaints)
        page.on("dialog", lambda dialog: dialog.accept())  # leaving while a click is under way is asked about

    def log_in(self, event_id: str = "") -> None:
        """Come to the desk, and in."""
        self.give_password(event_id)
        expect(self.page.locator("#desk")).to_be_visible()

    def give_password(self, event_id: str = "") -> None:
        """Come to the desk, and log in by name and password."""
        self.page.goto(f"{self._demo['edge_url']}/desk#{event_id}")
        self.page.get_by_label("Username").fill(self._demo["admin"]["username"])
        self.page.get_by_label("Password").fill(self._demo["admin"]["password"])
        self.page.get_by_role("button", name="Log in").click()

    def log_out(self) -> None:
        """Leave the desk."""
        self.page.get_by_role("button", name="Log out").click()
        expect(self.page.locator("#said")).to_have_text("You are logged out.")

    def make_event(self, name: str, contestants: dict[str, str], *, rehearsal: bool = False) -> str:
        """Make an event with these contestants, by name, with the addresses of their photos; its id."""
        if not self.page.locator("#event-form").is_visible():
            self.page.get_by_role("button", name="New event").click()
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("This is a rehearsal").set_checked(rehearsal)
        for number, (contestant, photo) in enumerate(contestants.items(), 1):
            if number > 2:
                self.page.get_by_role("button", name="Add a contestant").click()
            self.page.get_by_label(f"Name of contestant {number}").fill(contestant)
            self.page.get_by_label(f"Address of the photo (https) of contestant {number}").fill(photo)
        self.page.get_by_role("button", name="Make the event").click()
        expect(self.page.locator("#event-name")).to_have_text(name)
        return self.event_id

    @property
    def event_id(self) -> str:
        """Of the event on the desk."""
        return str(self.page.evaluate("location.hash.slice(1)"))

    def save(self) -> None:
        """Save what was entered, and wait until all of it is answered."""
        self.page.get_by_role("button", name="Save").click()
        expect(self.page.locator("#event-form")).to_be_hidden()

    def cue(self, label: str) -> None:
        """Do what this button says, by the keyboard alone: once to arm it, once to do it.

        Who is too slow in between has armed it once more, and presses again.
        """
        button = self.page.get_by_role("button", name=re.compile(f"^{re.escape(label)}"))
        button.focus()
        began = time.monotonic()
        self.page.keyboard.press("Enter")
        expect(button).to_have_text(f"{label}? Press again")
        self.page.keyboard.press("Enter")
        while self.page.locator("[data-armed=true]").count():
            assert time.monotonic() - began > ARMED_S
            self.page.keyboard.press("Enter")

    def button(self, label: str) -> Locator:
        """The button that says this, and nothing more."""
        return self.page.get_by_role("button", name=label, exact=True)

    @property
    def asked(self) -> Locator:
        """What the desk says of what waits for a second person."""
        return self.page.locator("#asked")

    def expect_status(self, status: str) -> None:
        """What the event on the desk is."""
        expect(self.page.locator("#event-status")).to_have_text(status)

    def expect_done(self, click: str) -> None:
        """What the log says of the newest click of these words."""
        expect(self.line_of(click)).to_have_attribute("data-state", "done")

    def expect_votes(self, votes: int) -> None:
        """How many the desk counts."""
        expect(self.page.locator("#total")).to_have_text(str(votes))

    def line_of(self, click: str) -> Locator:
        """The newest line of the log that has these words."""
        return self.page.locator("#log li", has_text=click).first


def log_of(stack: RunningStack, event_id: str) -> list[str]:
    """What was done with an event, in order."""
    with psycopg.connect(stack.demo["database_url"]) as ledger:
        done = ledger.execute("SELECT action FROM audit_log WHERE event_id = %s ORDER BY audit_no", [event_id])
        return [action for (action,) in done]
