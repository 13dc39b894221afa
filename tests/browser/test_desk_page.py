"""The desk in a real browser, through the edge, with all processes running: a show from its making to its close."""

import psycopg
import pyotp
from playwright.sync_api import APIRequestContext, Browser, BrowserContext, Page, Route, expect

from ops.embedded.demo_event import operator
from ops.rig.running_stack import PROJECT, RunningStack
from tests.browser.host import HostAtDesk
from tests.browser.show import Show
from tests.browser.usable import expect_usable
from tests.browser.voter import busy

SCREENSHOTS = PROJECT / ".screenshots"
PHOTO = "https://photos.example/{}.svg"
PIXEL = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
CLOSE = "**/close"


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
    with psycopg.connect(stack.demo["database_url"]) as ledger:
        done = ledger.execute("SELECT action FROM audit_log WHERE event_id = %s ORDER BY audit_no", [event_id])
        assert [action for (action,) in done] == ["event.create", "event.open", "event.close"]


def test_a_rehearsal_has_all_cues(stack: RunningStack, context: BrowserContext, complaints: list[str]) -> None:
    """Edited, opened, paused, frozen while counting goes on, closed, revealed from the last place up, made anew."""
    host = HostAtDesk(context.new_page(), stack.demo, complaints)
    host.log_in()
    event_id = host.make_event("Dress rehearsal", {"Anna": "", "Ben": "", "Cleo": ""}, rehearsal=True)
    expect(host.page.locator("#rehearsal")).to_be_visible()
    edit_contestants(host)

    for cue, status in (("Open", "Open"), ("Pause", "Paused"), ("Resume", "Open")):
        host.cue(f"{cue} voting")
        host.expect_status(status)
    audience = audience_of(host, stack)
    public = context.new_page()
    public.goto(audience.page)
    host.cue("Freeze what the public sees")
    expect(host.page.locator("#event-display")).to_have_text("Frozen for the public")
    expect(public.locator("#connection")).to_have_attribute("data-state", "frozen")
    audience.vote(0)
    host.expect_votes(1)
    expect(public.locator("#total")).to_have_text("0")
    host.cue("Close voting")
    host.expect_status("Closed")
    for place, said in ((3, "The public sees 1 of 3 places"), (2, "The public sees 2 of 3 places")):
        host.cue(f"Reveal place {place}")
        expect(host.page.locator("#event-display")).to_have_text(said)
    host.cue("Reveal all places")
    expect(host.page.locator("#event-display")).to_have_text("")
    expect(public.locator("#total")).to_have_text("1")
    host.cue("Reset the rehearsal")
    host.expect_status("Draft")
    expect(host.page.locator("#rehearsal")).to_be_visible()
    assert host.event_id != event_id
    expect(host.page.locator("#log [data-state=refused]")).to_have_count(1)  # the name that was nothing
    assert complaints == []


def test_a_second_factor_is_asked_of_who_has_one(
    stack: RunningStack, context: BrowserContext, complaints: list[str]
) -> None:
    """A password alone lets nobody to the desk who has an app for codes; a wrong code neither, and ends no session."""
    person = {"username": "desk-host", "password": "correct horse battery staple"}
    operator(stack.folder.root, ["make-staff", person["username"], "--role", "host"], person["password"])
    recovery_code = code_of_newly_added_app(context.request, stack.demo["edge_url"], person)
    host = HostAtDesk(context.new_page(), {**stack.demo, "admin": person}, complaints)
    host.give_password()
    code = host.page.get_by_label("Code", exact=True)
    for given in ("no code", recovery_code):
        expect(host.page.locator("#desk")).to_be_hidden()
        code.fill(given)
        host.page.get_by_role("button", name="Go on").click()
        if given == "no code":
            expect(host.page.locator("#factor .error")).to_have_text("That is not right.")
    expect(host.page.locator("#desk")).to_be_visible()
    host.page.reload()
    expect(host.page.locator("#desk")).to_be_visible()
    assert complaints == []


def code_of_newly_added_app(http: APIRequestContext, edge_url: str, person: dict[str, str]) -> str:
    """Somebody adds an app for codes; a code to come back with when it is lost."""
    headers = {"Authorization": f"Bearer {http.post(f'{edge_url}/v1/auth/login', data=person).json()['token']}"}
    app = http.post(f"{edge_url}/v1/auth/factors/totp", headers=headers).json()
    first = {"code": pyotp.TOTP(app["secret"]).now()}
    added = http.post(f"{edge_url}/v1/auth/factors/totp/confirm", headers=headers, data=first).json()
    return str(added["recovery_codes"][0])


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
