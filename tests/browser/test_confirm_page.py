"""The page behind the link in a mail: a click confirms, and nothing else does."""

from playwright.sync_api import Browser, Page, expect

from ops.rig.mail_server import MailServer
from ops.rig.running_stack import RunningStack
from tests.browser.show import Show


def test_a_click_confirms(stack: RunningStack, browser: Browser, mails: MailServer) -> None:
    """Opening the link asks for the page alone, and nobody but the edge; the button confirms, once."""
    link = mails.link_to(Show(stack.demo, "Confirm", ["Ada"]).register()["email"])
    assert link.startswith(stack.demo["edge_url"])
    for said in ("your address is confirmed", "used already"):
        page = browser.new_page()
        asked = _requests_of(page)
        page.goto(link, wait_until="networkidle")
        assert not [each for each in asked if "POST" in each or not each.startswith(f"GET {stack.demo['edge_url']}")]
        page.get_by_role("button").click()
        expect(page.get_by_role("status")).to_contain_text(said)
        expect(page.get_by_role("button")).to_be_hidden()
        assert asked[-1] == f"POST {stack.demo['edge_url']}/v1/auth/mail/confirm"
        page.close()


def _requests_of(page: Page) -> list[str]:
    """Method and address of each request, from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    return asked
