"""A voter at the vote page: uses it by what it says, as somebody does who sees it or has it read out."""

import secrets
from collections.abc import Callable

from playwright.sync_api import Page, Request, Response, Route, expect

from tests.browser.complaints import note_complaints
from tests.browser.show import Show

COUNTED = "Your vote was counted"
NOT_YET = "Not yet counted"
SUBMIT = "**/v1/vote/submit"
BUSY = 503  # a machine that is busy answers it now and then
_BUSY = '{"error": {"code": "busy", "message": "too busy", "trace_id": ""}}'


class VoterAtPage:
    """Somebody new, with a page of the browser that they have open."""

    def __init__(self, page: Page, show: Show, complaints: list[str]) -> None:
        self.page = page
        self.show = show
        self.name = f"viewer-{secrets.token_hex(6)}"
        self.password = secrets.token_urlsafe(12)
        self.chosen: list[str] = []  # of each vote that the page sent, the contestant
        self.answered: list[str] = []  # of those, of each that had an answer; 503 isn't one: the page repeats the vote
        page.on("request", self._note_sent)
        page.on("response", self._note_answered)
        note_complaints(page, show.vote_page.partition("/vote/")[0], complaints)

    def _note_sent(self, request: Request) -> None:
        if request.url.endswith("/v1/vote/submit") and request.post_data_json:
            self.chosen.append(request.post_data_json["contestant_id"])

    def _note_answered(self, answer: Response) -> None:
        request = answer.request
        if request.url.endswith("/v1/vote/submit") and request.post_data_json and answer.status != BUSY:
            self.answered.append(request.post_data_json["contestant_id"])

    def open(self) -> None:
        """Come to the page, and see who may be chosen."""
        self.page.goto(self.show.vote_page)
        expect(self.page.get_by_role("radio").first).to_be_visible()

    def choose(self, name: str) -> None:
        """Choose, and press the button."""
        self.page.get_by_role("radio", name=name, exact=True).check()
        self.page.get_by_role("button", name="Vote", exact=True).click()

    def register(self) -> None:
        """Fill in the form for new people, and send it."""
        self.page.get_by_label("Username").fill(self.name)
        self.page.get_by_label("E-mail").fill(f"{self.name}@example.org")
        self.page.get_by_label("Date of birth").fill("1990-02-03")
        self.page.get_by_label("Password").fill(self.password)
        self.page.get_by_role("button", name="Register and vote").click()

    def log_in(self, password: str = "") -> None:
        """Fill in the form for people with an account, and send it."""
        self.page.get_by_role("radio", name="I have an account").check()
        self.page.get_by_label("Username").fill(self.name)
        self.page.get_by_label("Password").fill(password or self.password)
        self.page.get_by_role("button", name="Log in and vote").click()

    def vote(self, name: str) -> None:
        """All of it, up to the page's word that it is counted."""
        self.open()
        self.choose(name)
        self.register()
        self.expect_outcome(COUNTED)

    def expect_outcome(self, title: str) -> None:
        """What became of the vote, which has the focus so that it is read out."""
        expect(self.page.locator("#outcome-title")).to_have_text(title)
        expect(self.page.locator("#outcome-title")).to_be_focused()

    def expect_not_yet(self) -> None:
        """The page says that it is trying, and doesn't say that anything was counted."""
        expect(self.page.locator("#status")).to_contain_text(NOT_YET)
        expect(self.page.locator("#outcome")).to_be_hidden()


NewVoter = Callable[[Show], VoterAtPage]


def busy(route: Route) -> None:
    """Answer in the place of a service that is too busy."""
    route.fulfill(status=BUSY, headers={"Retry-After": "1"}, content_type="application/json", body=_BUSY)
