"""The live page in a real browser, through the edge, with all processes running."""

import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from ops.rig.eventually import eventually
from ops.rig.running_stack import PROJECT, RunningStack
from tests.browser.complaints import note_complaints
from tests.browser.show import Show
from tests.browser.stillness import wait_until_still

SCREENSHOTS = PROJECT / ".screenshots"  # of how each test leaves its page, for people to look at
SIZES = {"phone": {"width": 390, "height": 844}, "studio": {"width": 1920, "height": 1080}}
# Every state that the page was in, for what may be over before anybody looks.
NOTE_STATES = """
    window.states = [];
    new MutationObserver(() => {
        const state = document.querySelector("#connection")?.dataset.state;
        if (state !== window.states.at(-1)) window.states.push(state);
    }).observe(document, { subtree: true, childList: true, attributes: true });
"""


@pytest.fixture(params=SIZES)
def page(
    request: pytest.FixtureRequest, browser: Browser, stack: RunningStack, complaints: list[str]
) -> Iterator[Page]:
    made = browser.new_page(viewport=SIZES[request.param])  # type: ignore[arg-type]  # a dict is what it takes
    made.add_init_script(NOTE_STATES)
    note_complaints(made, stack.demo["edge_url"], complaints)
    yield made
    made.screenshot(path=SCREENSHOTS / f"{request.node.name}.png", full_page=True, animations="disabled")
    made.close()


def row(page: Page, show: Show, contestant: int) -> Locator:
    return page.locator(f'[data-contestant="{show.contestants[contestant]}"]')


def bar_width(page: Page, show: Show, contestant: int) -> float:
    """How long a bar is on the screen, in pixels, once it has stopped moving."""
    bar = row(page, show, contestant).locator(".bar")
    wait_until_still(bar)
    box: Any = bar.bounding_box()
    return float(box["width"])


def expect_state(page: Page, state: str) -> None:
    expect(page.locator("#connection")).to_have_attribute("data-state", state)


def expect_votes(page: Page, show: Show, contestant: int, votes: int) -> None:
    expect(row(page, show, contestant).locator(".votes")).to_have_text(re.compile(rf"^{votes} vote"))


def test_vote_moves_a_bar_and_close_ends_it(stack: RunningStack, page: Page, complaints: list[str]) -> None:
    """A vote that is cast while the page is open lengthens its bar and reorders the board; the close is said."""
    show = Show(stack.demo, "Browser test", ["Anna & Ben", "<b>Cleo</b>"])
    page.goto(show.page)
    expect(page.locator("h1")).to_have_text("Browser test")
    expect_state(page, "live")
    expect(row(page, show, 1).locator(".name")).to_have_text("<b>Cleo</b>")  # a name is text, whatever is in it
    assert bar_width(page, show, 1) == 0
    show.vote(1)
    expect_votes(page, show, 1, 1)
    assert bar_width(page, show, 1) > 100
    expect(page.locator("#board li").first.locator(".name")).to_have_text("<b>Cleo</b>")
    show.close()
    expect_state(page, "closed")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")  # nothing sticks out at the side
    assert complaints == []


def test_page_stands_still_and_then_shows_place_by_place(
    stack: RunningStack, page: Page, complaints: list[str]
) -> None:
    """Frozen, it keeps its numbers and says of when they are; a reveal shows the last place, then all."""
    show = Show(stack.demo, "The reveal", ["Anna", "Ben", "Cleo"])
    show.vote(0)
    page.goto(show.page)
    expect_votes(page, show, 0, 1)
    show.click("freeze")
    expect_state(page, "frozen")
    expect(page.locator("#as-of")).to_contain_text("Numbers of")
    show.vote(0)
    show.vote(1)
    show.close()
    show.click("reveal", places=1)
    expect_state(page, "revealing")
    expect(page.locator("#board li .name")).to_have_text(["Cleo"])
    show.click("reveal", places=2)
    expect(page.locator("#board li .name")).to_have_text(["Ben", "Cleo"])
    show.click("reveal")
    expect_state(page, "closed")
    expect_votes(page, show, 0, 2)
    expect(page.locator("#board li .name")).to_have_text(["Anna", "Ben", "Cleo"])
    assert complaints == []


def test_page_takes_away_what_is_held_back(stack: RunningStack, page: Page, complaints: list[str]) -> None:
    """Results that are for staff only from now on leave the screen, the total with them."""
    show = Show(stack.demo, "Held back", ["Anna", "Ben"])
    show.vote(0)
    page.goto(show.page)
    expect_votes(page, show, 0, 1)
    show.edit(results_visibility="staff")
    expect_state(page, "hidden")
    for gone in ("#board", "#total"):
        expect(page.locator(gone)).to_be_hidden()
    expect(page.locator("#notice")).to_be_visible()
    assert complaints == []


def test_page_recovers_when_the_stream_server_dies(stack: RunningStack, page: Page, complaints: list[str]) -> None:
    """While the server is away the page says so and keeps its numbers; afterwards it shows what came meanwhile."""
    show = Show(stack.demo, "Recovery", ["Anna", "Ben"])
    show.vote(0)
    page.goto(show.page)
    expect_votes(page, show, 0, 1)
    before = stack.pid("sse")
    stack.kill("sse")
    eventually(lambda: "reconnecting" in page.evaluate("window.states"), "the page says that it reconnects")
    show.vote(1)
    stack.wait_until_replaced("sse", before)
    stack.wait_ready()
    expect_votes(page, show, 1, 1)
    expect_state(page, "live")
    assert complaints == []


def test_page_says_that_numbers_may_lag(stack: RunningStack, page: Page, complaints: list[str]) -> None:
    """A listener that stands still is said within seconds, the numbers stay; when it goes on, so does the page."""
    show = Show(stack.demo, "A slow listener", ["Anna", "Ben"])
    show.vote(0)
    page.goto(show.page)
    expect_votes(page, show, 0, 1)
    stack.kill("fanout", signal.SIGSTOP)
    try:
        expect_state(page, "stale")
        expect_votes(page, show, 0, 1)
        show.vote(1)
    finally:
        stack.kill("fanout", signal.SIGCONT)
    expect_votes(page, show, 1, 1)
    expect_state(page, "live")
    assert complaints == []


def test_page_keeps_no_stream_that_nobody_sees(stack: RunningStack, page: Page) -> None:
    """A hidden page leaves its stream; shown again, it has the newest numbers at once."""
    show = Show(stack.demo, "Another tab", ["Anna", "Ben"])
    page.goto(show.page)
    expect_state(page, "live")
    with page.expect_event("requestfailed", lambda asked: asked.url.endswith("/stream")):  # the page ends it
        hide(page, hidden=True)
    show.vote(0)
    with page.expect_request(lambda asked: asked.url.endswith("/stream")):
        hide(page, hidden=False)
    expect_votes(page, show, 0, 1)


def hide(page: Page, *, hidden: bool) -> None:
    """As if another tab had been opened before this one, or closed."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_page_says_that_it_is_offline(stack: RunningStack, page: Page, complaints: list[str]) -> None:
    """A network that is gone is said at once, and what came meanwhile is there when it is back."""
    show = Show(stack.demo, "A tunnel", ["Anna", "Ben"])
    page.goto(show.page)
    expect_state(page, "live")
    page.context.set_offline(True)
    expect_state(page, "reconnecting")
    show.vote(0)
    page.context.set_offline(False)
    expect_votes(page, show, 0, 1)
    expect_state(page, "live")
    assert complaints == []


def test_page_notices_a_stream_that_has_gone_silent(stack: RunningStack, page: Page) -> None:
    """A connection that died without a word brings nothing, not even an error: the page asks, and connects again."""
    show = Show(stack.demo, "A dead line", ["Anna", "Ben"])
    page.add_init_script(  # the first stream hears nothing; and a test doesn't wait for half a minute
        "const Real = EventSource; let made = 0;"
        "window.EventSource = class extends Real {"
        " addEventListener(...all) { if (made) super.addEventListener(...all); }"
        " constructor(url) { super(url); setTimeout(() => { made += 1; }); } };"
        "const later = setTimeout; window.setTimeout = (work, ms) => later(work, Math.min(ms ?? 0, 1_000));"
    )
    show.vote(0)
    page.goto(show.page)
    expect_state(page, "live")
    expect_votes(page, show, 0, 1)


def test_page_tells_votes_a_minute(stack: RunningStack, page: Page) -> None:
    """Once it has watched for some seconds; also that there are none."""
    show = Show(stack.demo, "Rate", ["Anna", "Ben"])
    page.goto(show.page)
    expect_state(page, "live")
    for contestant in (0, 1):
        show.vote(contestant)
    expect(page.locator("#rate")).to_have_text(re.compile(r"^[1-9]\d* a minute$"))
    show.close()
    expect(page.locator("#rate")).to_have_text("")


def test_sampled_page_reports_what_its_viewer_sees(stack: RunningStack, page: Page) -> None:
    """From the commit to the paint, whatever the viewer's clock says: here it is an hour slow."""
    show = Show(stack.demo, "Measured", ["Anna", "Ben"])
    page.add_init_script(
        "Math.random = () => 0; const { now } = Date; Date.now = () => now() - 3_600_000;"
        # A test doesn't wait for half a minute.
        "const { setInterval: every } = window; window.setInterval = (work, ms) => every(work, Math.min(ms, 100));"
    )
    page.goto(show.page)
    expect_state(page, "live")
    with page.expect_request(lambda asked: bool(asked.post_data_json and asked.post_data_json["delays_ms"])) as report:
        show.vote(0)
    sent, answer = report.value.post_data_json, report.value.response()
    assert sent and 0 < sent["delays_ms"][0] < 60_000
    assert answer and answer.status == 200


def test_unknown_event_is_said(stack: RunningStack, page: Page) -> None:
    """An address of nothing tells so instead of waiting for ever."""
    page.goto(f"{stack.demo['edge_url']}/live/00000000-0000-4000-8000-000000000000")
    expect_state(page, "missing")
    expect(page.locator("#notice")).to_be_visible()


def test_contract_is_shown_under_a_strict_policy(stack: RunningStack, page: Page, complaints: list[str]) -> None:
    """/docs draws every documented call without breaking its own policy."""
    page.goto(f"{stack.demo['edge_url']}/docs")
    expect(page.locator(".opblock-summary-path", has_text="/v1/vote/submit")).to_be_visible()
    assert complaints == []
