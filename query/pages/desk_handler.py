"""The desk: the page from which hosts and admins run events.

Anybody may have the page: it is each call that asks who somebody is.
"""

from collections.abc import Mapping

from sanic import HTTPResponse, Request

from contract.errors import NotFound
from contract.web.call import Access, call
from query.pages.page_handler import StaticFile, send_named


class DeskHandler:
    """Serves the desk's files."""

    def __init__(self, files: Mapping[str, StaticFile]) -> None:
        self._files = files

    @call("GET", "/desk", name="desk_page", access=Access.PUBLIC, answers={200: "text/html"})
    async def desk(self, request: Request) -> HTTPResponse:
        """The page from which hosts run events."""
        return send_named(request, self._files, "desk/desk.html")

    @call(
        "GET",
        "/desk/assets/{name}",
        name="desk_asset",
        access=Access.PUBLIC,
        answers={200: "text/javascript"},
        refusals=[NotFound],
    )
    async def desk_asset(self, request: Request, name: str) -> HTTPResponse:
        """A part of the desk."""
        return send_named(request, self._files, f"desk/{name}")
