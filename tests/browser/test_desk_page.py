"""The desk in a real browser, through the edge, with all processes running: a show from its making to its close."""

import json

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from ops.audience import Member
from ops.embedded.demo_event import operator
from ops.rig.running_stack import PROJECT, RunningStack
from tests.browser.host import HostAtDesk
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
SIZE, STUDIO = {"width": 1920, "height": 1080}, {"width": 1600, "height": 1000}
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
    with browser.new_context(viewport={"width": 1600, "height": 1000}) as another:
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
        assert complaints == list(photos.values())
        expect_usable(host.page)
        assert host.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for name, page in (("phone", host.page), ("studio", other.page)):
            page.screenshot(path=SCREENSHOTS / f"desk-{name}.png", full_page=True, animations="disabled")
    assert log_of(stack, event_id) == ["event.create", "event.open", "event.close"]


def test_from_the_rehearsal_to_the_result(
    stack: RunningStack, browser: Browser, context: BrowserContext, complaints: list[str]
) -> None:
    """Rehearsed, made anew and for real: 500 votes at desk and overlay, a freeze, a close to the vote, a reveal by places."""
    people = voters_of(stack, VOTES)
    context.route("https://photos.example/**", send_photo)
    with browser.new_context(viewport=STUDIO) as studio:  # type: ignore[arg-type]  # a dict is what it takes
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
        public, overlay = context.new_page(), browser.new_page(viewport=SIZE)  # type: ignore[arg-type]  # as above
        public.goto(audience.page)
        overlay.goto(f"{audience.page}?overlay")
        assert audience.vote_all(people) == VOTES
        host.expect_votes(VOTES)
        expect(public.locator("#total")).to_have_text(str(VOTES))
        overlay.wait_for_function(f"{VOTES_OF_OVERLAY} === {VOTES}")
        for page, name in ((host.page, "desk-on-air"), (public, "live-on-air")):
            page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True, animations="disabled")
        show_over_a_picture(overlay)

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
        for place, said in ((3, "The public sees 1 of 3 places"), (2, "The public sees 2 of 3 places")):
            host.cue(f"Reveal place {place}")
            expect(host.page.locator("#event-display")).to_have_text(said)
        expect(public.locator("#board li")).to_have_count(2)
        host.cue("Reveal all places")
        expect(host.page.locator("#event-display")).to_have_text("")
        expect(public.locator("#total")).to_have_text(str(VOTES + 1))
        overlay.wait_for_function(f"{VOTES_OF_OVERLAY} === {VOTES + 1}")
        overlay.close()
        expect(host.page.locator("#log [data-state=refused]")).to_have_count(1)  # the name that was nothing
        done = ["create", "open", "freeze", "close", "reveal", "reveal", "reveal"]
        assert log_of(stack, host.event_id) == [f"event.{each}" for each in done]
    assert all(each.startswith("https://photos.example/") for each in complaints)


def test_two_people_declare_a_round_void(
    stack: RunningStack, browser: Browser, context: BrowserContext, complaints: list[str]
) -> None:
    """The form says what is wrong with a look; one asks, for a reason, both see it wait and expire; another one confirms."""
    second = {"username": "desk-second", "password": "correct horse battery staple"}
    operator(stack.folder.root, ["make-staff", second["username"], "--role", "host"], second["password"])
    host = HostAtDesk(context.new_page(), stack.demo, complaints)
    host.log_in()
    enter_details(host.page)
    event_id = host.make_event("Round 1", {"Anna": "", "Ben": ""})
    expect(host.page.locator("#plan")).to_contain_text("cancelling and voiding need another host or admin")
    expect(host.page.locator("#plan")).to_contain_text("whose mail address is confirmed")
    host.cue("Open voting")
    host.expect_status("Open")
    with browser.new_context(viewport=STUDIO) as elsewhere:  # type: ignore[arg-type]  # a dict is what it takes
        other = HostAtDesk(elsewhere.new_page(), {**stack.demo, "admin": second}, complaints)
        other.log_in(event_id)
        other.expect_status("Open")
        host.cue("Cancel the event")
        expect(host.asked).to_contain_text("You asked to cancel the event. Waiting for a second person until")
        expect(other.asked).to_contain_text("asked to cancel the event. Confirm it until")
        expect(other.line_of("a second person is wanted to cancel the event")).to_be_visible()
        with psycopg.connect(stack.demo["database_url"]) as ledger:
            ledger.execute("UPDATE confirmations SET expires_at = now()")
        for each in (host, other):
            expect(each.asked).to_contain_text("nothing has changed")
        expect(other.button("Cancel the event, as asked")).to_have_count(0)

        host.cue("Close voting")
        host.expect_status("Closed")
        expect(host.asked).to_be_hidden()
        host.button("Void this round").press("Enter")
        expect(host.page.locator("#cue-said")).to_have_text("Say first why this round is void.")
        host.page.get_by_label("Why this round is void").fill("A phone line was dead")
        host.cue("Void this round")
        expect(host.asked).to_contain_text("(“A phone line was dead”). Waiting for a second person until")
        expect(host.button("Void this round")).to_have_count(0)
        host.page.screenshot(path=SCREENSHOTS / "desk-asked.png", full_page=True, animations="disabled")
        expect_usable(host.page)
        other.cue("Void this round, as asked")
        for each in (host, other):
            each.expect_status("Void")
            expect(each.asked).to_be_hidden()
            expect(each.page.locator("#event-display")).to_have_text(
                "These votes have no result: A phone line was dead"
            )
        other.page.goto(f"{stack.demo['edge_url']}/live/{event_id}")
        expect(other.page.locator("#connection")).to_have_text("Cancelled: no result")
    done = ["create", "open", "cancel.asked", "close", "void.asked", "void"]
    assert log_of(stack, event_id) == [f"event.{each}" for each in done]
    assert complaints == []


def test_a_second_factor_is_asked_of_who_has_one(
    stack: RunningStack, browser: Browser, complaints: list[str]
) -> None:
    """Who has added a passkey gets in by it or by a recovery code, once; a password and a wrong code let nobody in."""
    person = {"username": "desk-host", "password": "correct horse battery staple"}
    operator(stack.folder.root, ["make-staff", person["username"], "--role", "host"], person["password"])
    here = stack.demo["edge_url"].replace("127.0.0.1", "localhost")  # to a name alone passkeys can belong
    with browser.new_context(viewport=STUDIO) as context:  # type: ignore[arg-type]  # a dict is what it takes
        host = HostAtDesk(context.new_page(), {**stack.demo, "edge_url": here, "admin": person}, complaints)
        add_authenticator(host.page)
        host.log_in()
        host.page.get_by_role("button", name="Add a passkey").click()
        recovery_codes = host.page.locator("#recovery-codes li")
        expect(recovery_codes).to_have_count(10)
        recovery_code = recovery_codes.first.inner_text()
        host.page.get_by_role("button", name="I have written them down").click()
        expect(host.page.locator("#desk")).to_be_visible()
        expect(recovery_codes).to_have_count(0)
        host.page.get_by_role("button", name="Add a passkey").click()
        expect(host.page.locator("#said")).to_have_text("This device has a passkey of yours already.")
        host.log_out()

        host.give_password()
        code = host.page.get_by_label("Code", exact=True)
        for given in ("no code", recovery_code):
            expect(host.page.locator("#desk")).to_be_hidden()
            code.fill(given)
            host.page.get_by_role("button", name="Go on").click()
            if given == "no code":
                expect(host.page.locator("#factor .error")).to_have_text("That is not right.")
        expect(host.page.locator("#desk")).to_be_visible()
        host.log_out()

        host.give_password()
        host.page.get_by_role("button", name="Use a passkey").click()
        expect(host.page.locator("#desk")).to_be_visible()
        host.page.reload()
        expect(host.page.locator("#desk")).to_be_visible()
        assert complaints == []


def add_authenticator(page: Page) -> None:
    """What a device has that knows its owner by a finger, who is always there."""
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    kind = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": {**kind, "isUserVerified": True}})


def voters_of(stack: RunningStack, count: int) -> list[Member]:
    """So many people with tokens."""
    lines = operator(stack.folder.root, ["voters", "--count", str(count)]).splitlines()
    return [Member(**json.loads(line)) for line in lines]


def send_photo(route: Route) -> None:
    """A contestant's photo, in a colour of its own."""
    hue = sum(map(ord, route.request.url)) * 47 % 360
    route.fulfill(content_type="image/svg+xml", body=PORTRAIT.format(hue=hue))


def log_of(stack: RunningStack, event_id: str) -> list[str]:
    """What was done with an event, in order."""
    with psycopg.connect(stack.demo["database_url"]) as ledger:
        done = ledger.execute("SELECT action FROM audit_log WHERE event_id = %s ORDER BY audit_no", [event_id])
        return [action for (action,) in done]


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


def enter_details(page: Page) -> None:
    """What a host may say of a new event; what can't be is said beside its field, before anything is sent."""
    page.get_by_role("button", name="New event").click()
    page.get_by_label("Votes that you expect").fill("5000")
    page.get_by_label("Who may vote").select_option("whose mail address is confirmed")
    page.get_by_label("Cancelling and voiding need two people").check()
    page.get_by_label("Name", exact=True).fill("Round 1")
    page.get_by_label("Name of contestant 1").fill("Anna")
    page.get_by_label("Bars").fill("red")
    error = page.locator("#event-form .error")
    for field, entered, said in (
        ("Bars", "#c2185b", "Bars: it must be a colour as #rrggbb."),
        ("Text", "#ffffff", "Background and text go together: give both colours, or neither."),
    ):
        if field == "Text":
            page.get_by_label("Background").fill("#1a237e")
        page.get_by_role("button", name="Make the event").click()
        expect(error).to_have_text(said)
        expect(page.get_by_label(field, exact=True)).to_be_focused()
        page.get_by_label(field, exact=True).fill(entered)
    page.screenshot(path=SCREENSHOTS / "desk-form.png", full_page=True, animations="disabled")


def show_over_a_picture(overlay: Page) -> None:
    """How the graphic looks on air."""
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
    assert "NO CONNECTION" in host.page.title()
    host.page.context.set_offline(False)
    expect(host.page.locator("#alarm")).to_be_hidden()
    assert "NO CONNECTION" not in host.page.title()


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
