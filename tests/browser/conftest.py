"""A real Chromium: the machine's own, since no browser is downloaded."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from ops.rig.eventually import PATIENCE_S
from tests.browser.voter import NewVoter, VoterAtPage

NAMES = ("chromium", "chromium-browser", "google-chrome")

expect.set_options(timeout=1000 * PATIENCE_S)


def _chromium() -> str:
    """Where it is; installed from Debian where that is allowed. CI must not do without, others skip."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-q"], check=False, capture_output=True)
        subprocess.run(["apt-get", "install", "-qy", "--no-install-recommends", NAMES[0]], check=False)
        found = shutil.which(NAMES[0])
    if not found and os.environ.get("CI"):
        pytest.fail("CI needs Chromium (on Debian: apt-get install chromium)")
    if not found:
        pytest.skip("NO BROWSER TEST WAS RUN: there is no Chromium (on Debian: apt-get install chromium)")
    return found


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of: errors of scripts, and requests to anywhere but the edge."""
    return []


@pytest.fixture(scope="module")  # no longer: Playwright's event loop would stand in the way of asynchronous tests
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        launched.on("context", lambda made: made.set_default_timeout(1000 * PATIENCE_S))  # Playwright's own is 30 s
        yield launched
        launched.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A phone."""
    made = browser.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    yield made
    made.close()


@pytest.fixture
def new_voter(context: BrowserContext, complaints: list[str]) -> NewVoter:
    """Somebody with a page of this phone."""
    return lambda show: VoterAtPage(context.new_page(), show, complaints)
