"""Who is at the desk, in a real browser: two people for what can't be undone, and second factors."""

import psycopg
from playwright.sync_api import Browser, BrowserContext, Page, expect

from ops.embedded.demo_event import operator
from ops.rig.running_stack import PROJECT, RunningStack
from tests.browser.host import STUDIO, HostAtDesk, log_of
from tests.browser.usable import expect_usable

SCREENSHOTS = PROJECT / ".screenshots"


def test_two_people_declare_a_round_void(
    stack: RunningStack, browser: Browser, context: BrowserContext, complaints: list[str]
) -> None:
    """One asks, for a reason, both see that it waits, or that nobody came in time; another one confirms."""
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
    with browser.new_context(viewport=STUDIO) as elsewhere:
        other = HostAtDesk(elsewhere.new_page(), {**stack.demo, "admin": second}, complaints)
        other.log_in(event_id)
        other.expect_status("Open")
        ask_in_vain(host, other, stack)
        host.cue("Close voting")
        host.expect_status("Closed")
        expect(host.asked).to_be_hidden()
        ask_to_void(host)
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


def test_a_second_factor_is_asked_of_who_has_one(stack: RunningStack, browser: Browser, complaints: list[str]) -> None:
    """Who has added a passkey gets in by it or by a recovery code, once; a password and a wrong code let nobody in."""
    person = {"username": "desk-host", "password": "correct horse battery staple"}
    operator(stack.folder.root, ["make-staff", person["username"], "--role", "host"], person["password"])
    here = stack.demo["edge_url"].replace("127.0.0.1", "localhost")  # to a name alone passkeys can belong
    with browser.new_context(viewport=STUDIO) as context:
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


def ask_in_vain(host: HostAtDesk, other: HostAtDesk, stack: RunningStack) -> None:
    """Nobody confirms in time what both see that it waits."""
    host.cue("Cancel the event")
    expect(host.asked).to_contain_text("You asked to cancel the event. Waiting for a second person until")
    expect(other.asked).to_contain_text("asked to cancel the event. Confirm it until")
    expect(other.line_of("a second person is wanted to cancel the event")).to_be_visible()
    with psycopg.connect(stack.demo["database_url"]) as ledger:
        ledger.execute("UPDATE confirmations SET expires_at = now()")
    for each in (host, other):
        expect(each.asked).to_contain_text("nothing has changed")
    expect(other.button("Cancel the event, as asked")).to_have_count(0)


def ask_to_void(host: HostAtDesk) -> None:
    """Nothing is asked without a reason; what was asked once isn't there to be asked again."""
    host.button("Void this round").press("Enter")
    expect(host.page.locator("#cue-said")).to_have_text("Say first why this round is void.")
    host.page.get_by_label("Why this round is void").fill("A phone line was dead")
    host.cue("Void this round")
    expect(host.asked).to_contain_text("(“A phone line was dead”). Waiting for a second person until")
    for label in ("Void this round", "Void this round, as asked"):
        expect(host.button(label)).to_have_count(0)
    host.page.screenshot(path=SCREENSHOTS / "desk-asked.png", full_page=True, animations="disabled")
    expect_usable(host.page)


def enter_details(page: Page) -> None:
    """What a host may say of a new event; what can't be is said beside its field, before anything is sent."""
    page.get_by_role("button", name="New event").click()
    page.get_by_label("Votes that you expect").fill("5000")
    page.get_by_label("Who may vote").select_option("mail")
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
