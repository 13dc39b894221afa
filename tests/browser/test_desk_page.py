"""The desk in a real browser, through the edge, with all processes running: a show from its making to its close."""

import json
import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, ViewportSize, expect

from ops.audience import Member
from ops.embedded.demo_event import operator
from ops.rig.running_stack import PROJECT, RunningStack
from tests.browser.host import STUDIO, HostAtDesk, log_of
from tests.browser.show import Show
from tests.browser.usable import expect_usable
from tests.browser.voter import busy

SCREENSHOTS = PROJECT / ".screenshots"
PHOTO = "https://photos.example/{}.svg"
PIXEL = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
PORTRAIT = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path fill="hsl({hue} 60% 40%)" d="M0 0h8v8H0z"/>'
    '<circle cx="4" cy="3" r="1.6" fill="#fff9"/><circle cx="4" cy="8" r="3" fill="#fff9"/></svg>'
)
CLOSE = "**/close"
VOTES = 500
SIZE: ViewportSize = {"width": 1920, "height": 1080}
VOTES_OF_OVERLAY = (
    'Array.from(document.querySelector("live-vote").shadowRoot.querySelectorAll(".line"), '
    "line => Number(line.dataset.votes)).reduce((sum, votes) => sum + votes, 0)"
)
PICTURE = "document.documentElement.style.background = 'linear-gradient(160deg, #274a78, #d0862f 60%, #55301c)'"


def test_a_show_is_run_from_the_desk(
    stack: RunningStack, browser: Browser, context: BrowserContext, complaints: list[str]
) -> None:
    """Made, opened by keyboard, watched, closed once while nobody answers, over a reload; another host sees it all."""
    photos = {name: PHOTO.format(name) for name in ("anna", "ben")}
    context.route("https://photos.example/**", lambda route: route.fulfill(content_type="image/svg+xml", body=PIXEL))
    host = HostAtDesk(context.new_page(), stack.demo, complaints)
    host.log_in()
    event_id = host.make_event("The final", photos)
    expect(host.line_of("Make “The final”")).to_have_attribute("data-state", "done")
    with browser.new_context(viewport=STUDIO) as another:
        other = HostAtDesk(another.new_page(), stack.demo, complaints)
        other.log_in(event_id)
        other.expect_status("Draft")

        expect_escape_disarms(host.page)
        host.cue("Open voting")
        host.expect_status("Open")
        other.expect_status("Open")
        expect(other.line_of("by somebody else")).to_contain_text("The final: open")

        audience = audience_of(host, stack)
        audience.vote(1)
        audience.vote(1)
        for each in (host, other):
            each.expect_votes(2)
            expect(each.page.locator("#road")).to_contain_text("Every vote that is kept is counted.")
        expect(host.page.locator("#watching")).to_contain_text("2 watching")
        expect_loud_when_offline(host)

        close_while_nobody_answers(host)
        other.expect_status("Closed")
        expect(other.page.locator("#audit-list li").first).to_contain_text("close, by you")
        with other.page.expect_download() as sheet:
            other.page.get_by_role("button", name="Result sheet").click()
        assert sheet.value.suggested_filename == f"result-{event_id}.pdf"
        sheet.value.save_as(SCREENSHOTS / "result-sheet.pdf")
        assert complaints == list(photos.values())
        expect_usable(host.page)
        assert host.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for name, page in (("phone", host.page), ("studio", other.page)):
            page.screenshot(path=SCREENSHOTS / f"desk-{name}.png", full_page=True, animations="disabled")
    assert log_of(stack, event_id) == ["event.create", "event.open", "event.close"]


def test_from_the_rehearsal_to_the_result(
    stack: RunningStack, browser: Browser, context: BrowserContext, complaints: list[str]
) -> None:
    """Rehearsed, made anew and for real: 500 votes on all screens, a freeze, a strict close, a reveal by places."""
    people = voters_of(stack, VOTES)
    context.route("https://photos.example/**", send_photo)
    with browser.new_context(viewport=STUDIO) as studio:
        studio.route("https://photos.example/**", send_photo)
        host = HostAtDesk(studio.new_page(), stack.demo, complaints)
        host.log_in()
        photos = {name: PHOTO.format(name) for name in ("Anna", "Ben", "Cleo")}
        rehearse(host, host.make_event("Dress rehearsal", photos, rehearsal=True))
        host.page.get_by_role("button", name="Make the real one of it").click()
        expect(host.page.locator("#rehearsal")).to_be_hidden()
        host.cue("Open voting")
        host.expect_status("Open")

        audience = audience_of(host, stack)
        public, overlay = context.new_page(), browser.new_page(viewport=SIZE)
        public.goto(audience.page)
        overlay.goto(f"{audience.page}?overlay")
        assert audience.vote_all(people) == VOTES
        host.expect_votes(VOTES)
        expect(public.locator("#total")).to_have_text(str(VOTES))
        overlay.wait_for_function(f"{VOTES_OF_OVERLAY} === {VOTES}")
        take_pictures(host, public, overlay)

        host.cue("Freeze what the public sees")
        expect(host.page.locator("#event-display")).to_have_text("Frozen for the public")
        expect(public.locator("#connection")).to_have_attribute("data-state", "frozen")
        audience.vote(0)
        host.expect_votes(VOTES + 1)
        expect(public.locator("#total")).to_have_text(str(VOTES))
        host.cue("Close voting")
        host.expect_status("Closed")
        with pytest.raises(AssertionError, match="event_not_open"):
            audience.vote(0)
        reveal(host, public)
        overlay.wait_for_function(f"{VOTES_OF_OVERLAY} === {VOTES + 1}")
        overlay.close()
        expect(host.page.locator("#log [data-state=refused]")).to_have_count(1)  # the name that was nothing
        done = ["create", "open", "freeze", "close", "reveal", "reveal", "reveal"]
        assert log_of(stack, host.event_id) == [f"event.{each}" for each in done]
    assert all(each.startswith("https://photos.example/") for each in complaints)


def voters_of(stack: RunningStack, count: int) -> list[Member]:
    """So many people with tokens."""
    lines = operator(stack.folder.root, ["voters", "--count", str(count)]).splitlines()
    return [Member(**json.loads(line)) for line in lines]


def send_photo(route: Route) -> None:
    """A contestant's photo, in a colour of its own."""
    hue = sum(map(ord, route.request.url)) * 47 % 360
    route.fulfill(content_type="image/svg+xml", body=PORTRAIT.format(hue=hue))


def rehearse(host: HostAtDesk, rehearsal: str) -> None:
    """Edited, opened, paused, resumed, and made anew by one click."""
    expect(host.page.locator("#rehearsal")).to_be_visible()
    edit_contestants(host)
    for cue, status in (("Open", "Open"), ("Pause", "Paused"), ("Resume", "Open")):
        host.cue(f"{cue} voting")
        host.expect_status(status)
    host.cue("Reset the rehearsal")
    host.expect_status("Draft")
    expect(host.page.locator("#rehearsal")).to_be_visible()
    assert host.event_id != rehearsal


def reveal(host: HostAtDesk, public: Page) -> None:
    """Place by place, from the last one up."""
    for place, said in ((3, "The public sees 1 of 3 places"), (2, "The public sees 2 of 3 places")):
        host.cue(f"Reveal place {place}")
        expect(host.page.locator("#event-display")).to_have_text(said)
    expect(public.locator("#board li")).to_have_count(2)
    host.cue("Reveal all places")
    expect(host.page.locator("#event-display")).to_have_text("")
    expect(public.locator("#total")).to_have_text(str(VOTES + 1))


def take_pictures(host: HostAtDesk, public: Page, overlay: Page) -> None:
    """Of a show on air; the graphic is over a picture."""
    for page, name in ((host.page, "desk-on-air"), (public, "live-on-air")):
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True, animations="disabled")
    overlay.evaluate(PICTURE)
    overlay.screenshot(path=SCREENSHOTS / "overlay-on-air.png", animations="disabled")


def audience_of(host: HostAtDesk, stack: RunningStack) -> Show:
    """Those who vote in the event on the desk."""
    rows = "[...document.querySelectorAll('#board li')].map((row) => row.dataset.contestant)"
    return Show.made_elsewhere(stack.demo, host.event_id, host.page.evaluate(rows))


def edit_contestants(host: HostAtDesk) -> None:
    """One is renamed, one goes, one comes and goes to the first place; what is refused is said beside its field."""
    page = host.page
    page.get_by_role("button", name="Edit").click()
    expect_usable(page)
    page.get_by_label("Name of contestant 1").fill("Anna B.")
    page.get_by_role("button", name="Remove: contestant 2").click()
    page.get_by_role("button", name="Add a contestant").click()
    page.get_by_label("Name of contestant 3").fill("Dora")
    for number in (3, 2):
        page.get_by_role("button", name=f"Up: contestant {number}").click()
    page.get_by_label("Name", exact=True).fill(" ")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.get_by_label("Name", exact=True).fill("Dress rehearsal 2")
    host.save()
    expect(page.locator("#event-name")).to_have_text("Dress rehearsal 2")
    expect(page.locator("#board .name")).to_have_text(["Dora", "Anna B.", "Cleo"])
    for click in ("Change the event", "Change Anna B.", "Remove Ben", "Add Dora", "Move Dora"):
        host.expect_done(click)


def expect_escape_disarms(page: Page) -> None:
    """One press does nothing yet; Escape takes it back, and so does leaving the button."""
    button = page.locator('[data-cue="open"]')
    for leave in ("Escape", "Tab"):
        button.focus()
        page.keyboard.press("Enter")
        expect(button).to_have_attribute("data-armed", "true")
        page.keyboard.press(leave)
        expect(button).to_have_attribute("data-armed", "false")


def expect_loud_when_offline(host: HostAtDesk) -> None:
    """Nobody can overlook that the connection is lost, in another tab neither."""
    host.page.context.set_offline(True)
    expect(host.page.get_by_role("alert").first).to_contain_text("No connection since")
    expect(host.page).to_have_title(re.compile("NO CONNECTION"))  # an answer on its way takes it back for a moment
    host.page.context.set_offline(False)
    expect(host.page.locator("#alarm")).to_be_hidden()
    expect(host.page).not_to_have_title(re.compile("NO CONNECTION"))


def close_while_nobody_answers(host: HostAtDesk) -> None:
    """The click is kept over a reload, and repeated until its answer is there, though one of its answers got lost."""
    line = host.line_of("Close voting")
    host.page.route(CLOSE, busy)
    host.cue("Close voting")
    expect(line).to_have_attribute("data-state", "repeating")
    host.page.reload()
    expect(line).to_have_attribute("data-state", "repeating")
    host.expect_status("Open")
    host.page.route(CLOSE, lose_answer, times=1)
    host.expect_status("Closed")
    expect(line).to_have_attribute("data-state", "repeating")
    host.page.unroute(CLOSE)
    expect(line).to_have_attribute("data-state", "done")
    expect(host.page.locator("#event-name")).to_be_visible()


def lose_answer(route: Route) -> None:
    """It is done, and nobody hears of it."""
    route.fetch()
    route.abort()
