"""When what moves on a page has come to rest."""

from playwright.sync_api import Locator

# A move that another one takes the place of never finishes: what counts is that none is left.
STILL = """async (each) => {
    const moving = () => each.getAnimations().filter((move) => move.playState === "running");
    while (moving().length) await Promise.allSettled(moving().map((move) => move.finished));
}"""


def wait_until_still(each: Locator) -> None:
    """Return once no animation moves it any more."""
    each.evaluate(STILL)
