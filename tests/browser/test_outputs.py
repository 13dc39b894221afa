"""What a studio takes of an event, in a real browser: the graphic over a picture, and the screen in a hall."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from ops.rig.running_stack import PROJECT, RunningStack
from ops.rig.stand_in import StandIn
from tests.browser.complaints import note_complaints
from tests.browser.show import Show
from tests.browser.stillness import wait_until_still

SCREENSHOTS = PROJECT / ".screenshots"
SIZE: ViewportSize = {"width": 1920, "height": 1080}
PICTURE = "document.documentElement.style.background = 'linear-gradient(160deg, #274a78, #d0862f 60%, #55301c)'"
MOVING = """
    [...document.querySelector("live-vote").shadowRoot.querySelectorAll("*")]
        .flatMap(each => getComputedStyle(each).transition === "all" ? [] :
                         getComputedStyle(each).transitionProperty.split(", "))
"""
LOAD = """async (address) => {
    const manifest = await (await fetch(address)).json();
    const { default: Graphic } = await import(new URL(manifest.main, address));
    customElements.define("live-vote-test", Graphic);
    const fields = Object.entries(manifest.schema.properties);
    const data = Object.fromEntries(fields.map(([name, field]) => [name, field.default]));
    const graphic = document.body.appendChild(document.createElement("live-vote-test"));
    const screen = { resolution: { width: innerWidth, height: innerHeight }, frameRate: 50 };
    return (await graphic.load({ data, renderType: "realtime", renderCharacteristics: screen })).statusCode;
}"""
GRAPHIC = 'document.querySelector("live-vote")'
PLACE_OF = "line => Math.round(new DOMMatrix(getComputedStyle(line).transform).f / line.offsetHeight)"


def test_overlay_moves_over_a_picture(browser: Browser, stack: RunningStack, complaints: list[str]) -> None:
    """Nothing of the page is painted but the graphic; a vote takes a line to the first place, by transforms alone."""
    show = Show(stack.demo, "The Final", ["Anna & Ben", "<b>Cleo</b>"])
    show.vote(0)
    page = browser.new_page(viewport=SIZE)
    note_complaints(page, stack.demo["edge_url"], complaints)
    page.goto(f"{show.page}?overlay")
    first, second = (page.locator(f'[data-contestant="{each}"]') for each in show.contestants)
    expect(first.locator(".figure")).to_have_text("100.0%")
    for element in ("documentElement", "body"):
        assert page.evaluate(f"getComputedStyle(document.{element}).backgroundColor") == "rgba(0, 0, 0, 0)"
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert set(page.evaluate(MOVING)) <= {"transform", "opacity"}
    for _ in range(2):
        show.vote(1)
    expect(second).to_have_attribute("data-votes", "2")
    for line in (first, second):
        wait_until_still(line)
    assert (second.evaluate(PLACE_OF), first.evaluate(PLACE_OF)) == (0, 1)
    expect(second.locator(".name")).to_have_text("<b>Cleo</b>")
    assert page.evaluate(f"{GRAPHIC}.stopAction().then(answer => answer.statusCode)") == 200
    expect(page.locator(".graphic")).to_have_css("opacity", "0")
    assert page.evaluate(f"{GRAPHIC}.playAction({{ skipAnimation: true }})") == {"statusCode": 200, "currentStep": 0}
    expect(page.locator(".graphic")).to_have_css("opacity", "1")
    page.evaluate(PICTURE)
    page.screenshot(path=SCREENSHOTS / "overlay.png", animations="disabled")
    page.close()
    assert complaints == []


@pytest.fixture
def renderer() -> Iterator[str]:
    """The address of a page of another origin, which has nothing on it."""
    with StandIn("renderer") as program:
        thread = threading.Thread(target=program.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{program.server_port}/"
        program.shutdown()
        thread.join()


def test_another_program_plays_the_graphic(browser: Browser, stack: RunningStack, renderer: str) -> None:
    """From its manifest, in a page of another origin, as EBU OGraf has it: load, play, update, stop, dispose."""
    shows = [Show(stack.demo, name, ["Anna", "Ben"]) for name in ("Round 1", "Round 2")]
    shows[0].vote(0)
    page = browser.new_page(viewport=SIZE)
    page.goto(renderer)
    manifest = f"{stack.demo['edge_url']}/graphics/ograf/live-vote.ograf.json"
    assert page.evaluate(LOAD, manifest) == 200  # with what the manifest's own schema has for a start
    assert act(page, "updateAction", data={"event": "nonsense"})["statusCode"] == 400
    assert act(page, "playAction") == {"statusCode": 200, "currentStep": 0}
    graphic, title, lines = (page.locator(f"live-vote-test {part}") for part in (".graphic", ".title", ".line"))
    expect(graphic).to_have_css("opacity", "0")  # it is of no event yet
    for show in shows:
        data = {"event": show.page, "places": 1}
        assert act(page, "updateAction", data=data, skipAnimation=show is shows[1]) == {"statusCode": 200}
        expect(title).to_have_text("Round 1" if show is shows[0] else "Round 2")
        expect(graphic).to_have_css("opacity", "1")
    shows[1].vote(1)
    expect(lines.and_(page.locator('[data-votes="1"]')).locator(".name")).to_have_text("Ben")
    shows[1].close()
    shows[1].click("void", reason="a line was dead")
    expect(graphic).to_have_css("opacity", "0")  # it has no result
    assert act(page, "updateAction", data={"event": shows[0].page}) == {"statusCode": 200}
    expect(graphic).to_have_css("opacity", "1")
    assert act(page, "customAction", id="none", payload=None)["statusCode"] == 404
    assert act(page, "stopAction", skipAnimation=True) == {"statusCode": 200}
    expect(graphic).to_have_css("opacity", "0")
    assert act(page, "playAction", goto=0)["currentStep"] == 0
    assert act(page, "playAction").get("currentStep") is None  # beyond the last step is the end
    assert act(page, "dispose") == {"statusCode": 200}
    expect(graphic).to_have_count(0)
    page.close()


def act(page: Page, action: str, **given: object) -> dict[str, Any]:
    """What the graphic answers to a renderer."""
    graphic = page.locator("live-vote-test")
    answer: dict[str, Any] = graphic.evaluate("(graphic, [action, given]) => graphic[action](given)", [action, given])
    return answer


def test_screen_counts_down_and_lets_people_join(browser: Browser, stack: RunningStack, complaints: list[str]) -> None:
    """The projector's page shows the board, the way to the vote as a code that leads there, and the end."""
    show = Show(stack.demo, "The Final", ["Anna", "Ben", "Cleo"])
    page = browser.new_page(viewport=SIZE)
    note_complaints(page, stack.demo["edge_url"], complaints)
    page.goto(f"{show.page}?screen")
    expect(page.locator("#countdown")).to_have_text("Voting is open")
    assert page.locator("#qr").evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    show.vote(1)
    expect(page.locator("#board li").first).to_have_attribute("data-votes", "1")
    expect(page.locator("#board li").first.locator(".votes")).to_have_text("1 vote")
    page.screenshot(path=SCREENSHOTS / "screen.png", animations="disabled")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    address = page.locator(".address").inner_text()
    show.close()
    expect(page.locator("#countdown")).to_have_text("Voting has ended")
    expect(page.locator("#join")).to_be_hidden()
    page.goto(f"http://{address}")
    expect(page).to_have_url(show.vote_page)
    page.close()
    assert complaints == []
