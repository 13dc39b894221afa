"""The vote page in a real browser, through the edge, with all processes running: from the choice to the outcome."""

from playwright.sync_api import Browser, BrowserContext, expect

from ops.rig.running_stack import RunningStack
from tests.browser.show import Show
from tests.browser.usable import expect_usable
from tests.browser.voter import COUNTED, SUBMIT, NewVoter, VoterAtPage

PIXEL = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'


def test_somebody_new_votes(stack: RunningStack, new_voter: NewVoter, complaints: list[str]) -> None:
    """Chooses, registers by a solved challenge, is told what became of the vote, and goes on to the live page.

    The page tells how long the ack took, if it is of the sample.
    """
    show = Show(stack.demo, "Anna & <b>Ben</b>", ["Anna", "<b>Ben</b>"])
    voter = new_voter(show)
    voter.page.add_init_script("Math.random = () => 0")  # of each sample
    voter.open()
    expect(voter.page.locator("h1")).to_have_text("Anna & <b>Ben</b>")
    voter.choose("<b>Ben</b>")
    expect(voter.page.locator("#person-title")).to_be_focused()
    assert voter.page.evaluate("document.documentElement.scrollWidth <= innerWidth")  # nothing sticks out at the side
    with voter.page.expect_request(lambda request: '"acks_ms"' in (request.post_data or "")) as told:
        voter.register()
    report = told.value.post_data_json
    assert report and 0 < report["acks_ms"][0] <= 60_000
    voter.expect_outcome(COUNTED)
    expect(voter.page.locator("#outcome")).to_contain_text("You voted for <b>Ben</b>")
    expect(voter.page.locator("#outcome-progress")).to_have_text("It is in the standings.")
    assert stack.votes_in_ledger(show.event_id) == 1
    voter.page.get_by_role("link", name="See the standings live").click()
    expect(voter.page).to_have_url(show.page)
    assert (set(voter.chosen), voter.answered) == ({show.contestants[1]}, [show.contestants[1]])
    assert complaints == []


def test_keyboard_is_enough(stack: RunningStack, new_voter: NewVoter, complaints: list[str]) -> None:
    """All of it by Tab, arrows, space and Enter, and where the focus is can be seen."""
    show = Show(stack.demo, "Keys", ["Anna", "Ben"])
    voter = new_voter(show)
    voter.open()
    press, write = voter.page.keyboard.press, voter.page.keyboard.insert_text
    for key in ("Tab", "Space", "ArrowDown", "Tab"):
        press(key)
    button = voter.page.get_by_role("button", name="Vote", exact=True)
    expect(button).to_be_focused()
    assert button.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"
    press("Enter")
    expect(voter.page.locator("#person-title")).to_be_focused()
    press("Tab")  # to "I am new here"
    for text in (voter.name, f"{voter.name}@example.org"):
        press("Tab")
        write(text)
    press("Tab")
    voter.page.keyboard.type("02031990")  # its parts follow each other
    expect(voter.page.get_by_label("Date of birth")).to_have_value("1990-02-03")
    while not voter.page.evaluate("document.activeElement.id === 'password'"):
        press("Tab")
    write(voter.password)
    press("Enter")
    voter.expect_outcome(COUNTED)
    press("Tab")
    expect(voter.page.get_by_role("link", name="See the standings live")).to_be_focused()
    assert (set(voter.chosen), voter.answered) == ({show.contestants[1]}, [show.contestants[1]])
    assert complaints == []


def test_captcha_of_an_event_is_solved(stack: RunningStack, new_voter: NewVoter, complaints: list[str]) -> None:
    """Where each vote needs a solved challenge, the page solves one; an invalid one is solved anew."""
    show = Show(stack.demo, "With captcha", ["Anna", "Ben"], captcha=True)
    voter = new_voter(show)
    voter.page.route(
        SUBMIT, lambda route: route.continue_(post_data={**route.request.post_data_json, "captcha_token": "x"}), times=1
    )
    voter.vote("Anna")
    assert len(voter.answered) == 2
    assert stack.votes_in_ledger(show.event_id) == 1
    assert complaints == []


def test_a_second_vote_is_told_kindly(
    stack: RunningStack, browser: Browser, new_voter: NewVoter, complaints: list[str]
) -> None:
    """On another phone, by the same person for somebody else: the first one stands."""
    show = Show(stack.demo, "Twice", ["Anna", "Ben"])
    first = new_voter(show)
    first.vote("Anna")
    with browser.new_context() as another:
        second = VoterAtPage(another.new_page(), show, complaints)
        second.name, second.password = first.name, first.password
        second.open()
        second.choose("Ben")
        second.log_in("wrong password")
        expect(second.page.get_by_role("alert")).to_have_text("Username or password is wrong.")
        second.log_in()
        second.expect_outcome("You have voted already")
    assert stack.votes_in_ledger(show.event_id) == 1
    assert complaints == []


def test_a_vote_after_the_end_is_not_counted(stack: RunningStack, new_voter: NewVoter) -> None:
    """A page that was opened before the close says that the vote was not counted, and takes no other."""
    show = Show(stack.demo, "Too late", ["Anna", "Ben"])
    voter = new_voter(show)
    voter.open()
    show.close()
    voter.choose("Ben")
    voter.register()
    expect(voter.page.locator("#status")).to_contain_text("Your vote was not counted")
    expect(voter.page.locator("#state")).to_have_text("Voting has ended")
    assert stack.votes_in_ledger(show.event_id) == 0


def test_what_is_wrong_is_said_beside_its_field(stack: RunningStack, new_voter: NewVoter) -> None:
    """By the page where it can tell, by the server's words else; the field has the focus and says why."""
    voter = new_voter(Show(stack.demo, "Mistakes", ["Anna", "Ben"]))
    voter.open()
    voter.choose("Ben")
    voter.page.get_by_role("button", name="Register and vote").click()
    name, password = voter.page.get_by_label("Username"), voter.page.get_by_label("Password")
    expect(name).to_be_focused()
    expect(name).to_have_attribute("aria-invalid", "true")
    voter.password = "short"
    voter.register()
    expect(password).to_be_focused()
    expect(password).to_have_accessible_description("password must have 8 to 128 characters.")
    expect(name).to_have_attribute("aria-invalid", "false")


def test_photos_are_the_hosts_and_can_be_missing(
    stack: RunningStack, new_voter: NewVoter, complaints: list[str]
) -> None:
    """A photo has a text; who has none, or one that can't be had, is shown by an initial."""
    photos = ["https://photos.example/anna.svg", "https://photos.example/ben.svg", "http://photos.example/cleo.svg"]
    show = Show(stack.demo, "Photos", ["Anna", "Ben", "Cleo", "Dora"], photos)
    voter = new_voter(show)
    voter.page.route(photos[0], lambda route: route.fulfill(content_type="image/svg+xml", body=PIXEL))
    voter.page.route(photos[1], lambda route: route.abort())
    voter.open()
    expect(voter.page.get_by_role("img", name="Photo of Anna")).to_be_visible()
    expect(voter.page.locator(".photo img")).to_have_count(1)
    expect(voter.page.locator(".photo")).to_have_text(["A", "B", "C", "D"])
    assert set(complaints) == set(photos[:2])


def test_everything_has_a_name_and_a_place(stack: RunningStack, new_voter: NewVoter) -> None:
    """What a screen reader needs: names of all there is to use, one heading of the first level, ids that are unique."""
    voter = new_voter(Show(stack.demo, "Roles", ["Anna", "Ben"]))
    voter.open()
    expect(voter.page.get_by_role("group", name="Choose one")).to_be_visible()
    expect_usable(voter.page)
    voter.choose("Anna")
    expect_usable(voter.page)
    voter.register()
    voter.expect_outcome(COUNTED)
    expect_usable(voter.page)


def test_unknown_event_is_said(stack: RunningStack, context: BrowserContext) -> None:
    """An address of nothing tells so."""
    page = context.new_page()
    page.goto(f"{stack.demo['edge_url']}/vote/00000000-0000-4000-8000-000000000000")
    expect(page.locator("#status")).to_have_text("There is no event at this address.")
