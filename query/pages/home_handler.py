"""GET /: what this is, and the way to the live page of each public event, and to the vote where it is open."""

import html
from collections.abc import Mapping

from sanic import HTTPResponse, Request

from contract.errors import Busy
from contract.web.call import Access, call
from query.event import EventSummary
from query.pages.page_handler import HOME_FILE, StaticFile, file_of, send_file
from query.recent_cache import RecentCache
from query.replica_reader import ReplicaReader

EVENTS_SHOWN = 50
AGE_S = 2

_PLACE = "{events}"
_EVENT = '<li><a href="/live/{event_id}">{name}</a> ({status}){vote}</li>'
_VOTE = ': <a href="/vote/{event_id}" aria-label="Vote in {name}">vote</a>'


class HomeHandler:
    """Fills the newest events, without drafts, into the page; made anew every two seconds at most."""

    def __init__(self, files: Mapping[str, StaticFile], replica: ReplicaReader) -> None:
        self._template = files[HOME_FILE].body.decode()
        self._replica = replica
        self._page = RecentCache(self._render, AGE_S, 1)

    @call("GET", "/", name="home", access=Access.PUBLIC, answers={200: "text/html"})
    async def home(self, request: Request) -> HTTPResponse:
        """What this is, with the public events."""
        return send_file(request, await self._page.get(""), AGE_S)

    async def _render(self, _: str) -> StaticFile:
        try:
            events = await self._replica.events(None, None, EVENTS_SHOWN, with_drafts=False)
            lines = [_line(event) for event in events] or ["<li>There are no events yet.</li>"]
        except Busy:
            lines = ["<li>The events can't be listed for a moment.</li>"]
        return file_of(HOME_FILE, self._template.replace(_PLACE, "\n        ".join(lines)).encode())


def _line(event: EventSummary) -> str:
    event_id, name = event.event_id, html.escape(event.event_name)
    vote = _VOTE.format(event_id=event_id, name=name) if event.status == "open" else ""
    return _EVENT.format(event_id=event_id, name=name, status=event.status, vote=vote)
