"""Answers the reads of results: rendered once a tenth of a second for a crowd, told apart by ETag.

Redis and the replica see one read for each event and call in that time, whatever the number of requests.
"""

import msgspec
from sanic import HTTPResponse, Request

from contract.errors import InvalidField, NotFound, ResultsHidden
from contract.web.call import Access, documented
from contract.web.service import answer
from contract.web.token_verifier import TokenVerifier
from query.event import Event, is_restricted
from query.event_directory import EventDirectory, require_visible
from query.reads import result_views
from query.reads.result_views import Contestants, Leaderboard, LiveCount, Rendered, Results, View
from query.recent_cache import RecentCache
from query.standings_reader import StandingsReader

RENDERED_AGE_S = 0.1
RENDERED_MAX = 1_000


class ResultsHandler:
    """Turns events and standings into answers; `verifier` tells who may see restricted ones."""

    def __init__(self, verifier: TokenVerifier, events: EventDirectory, standings: StandingsReader) -> None:
        self._verifier = verifier
        self._events = events
        self._standings = standings
        self._rendered = RecentCache(self._render, RENDERED_AGE_S, RENDERED_MAX)

    @documented(
        "The contestants of an event, most votes first",
        answers={200: Leaderboard, 304: None},
        refusals=[NotFound, ResultsHidden],
    )
    async def leaderboard(self, request: Request, event_id: str) -> HTTPResponse:
        """GET /v1/event/{event_id}/leaderboard"""
        self._verifier.caller(request)
        return await self._answer(request, event_id, result_views.leaderboard)

    @documented(
        "The results of an event",
        access=Access.OPTIONAL,
        query={"include_percentages": bool},
        answers={200: Results, 304: None},
        refusals=[NotFound, ResultsHidden, InvalidField],
    )
    async def results(self, request: Request, event_id: str) -> HTTPResponse:
        """GET /v1/event/{event_id}/results"""
        asked = request.args.get("include_percentages", "false")
        if asked not in ("true", "false"):
            raise InvalidField("include_percentages must be true or false", field="include_percentages")
        view = result_views.results_with_percentages if asked == "true" else result_views.results
        return await self._answer(request, event_id, view)

    @documented(
        "How many votes an event has",
        access=Access.OPTIONAL,
        answers={200: LiveCount, 304: None},
        refusals=[NotFound, ResultsHidden],
    )
    async def live(self, request: Request, event_id: str) -> HTTPResponse:
        """GET /v1/event/{event_id}/live"""
        return await self._answer(request, event_id, result_views.live_count)

    @documented("The contestants of an event, in the host's order", answers={200: Contestants}, refusals=[NotFound])
    async def contestants(self, request: Request, event_id: str) -> HTTPResponse:
        """GET /v1/contestants/{event_id}"""
        self._verifier.caller(request)
        return answer(msgspec.to_builtins(result_views.contestants(await self._events.find(event_id))))

    async def _answer(self, request: Request, event_id: str, view: View) -> HTTPResponse:
        event = await self._events.find(event_id)
        require_visible(event, request, self._verifier)
        rendered = await self._rendered.get((view, event.event_id))
        headers = {"ETag": rendered.etag, **_caching(event)}
        if _is_known(request.headers.get("if-none-match", ""), rendered.etag):
            return HTTPResponse(status=304, headers=headers)
        return HTTPResponse(rendered.body, headers=headers, content_type="application/json")

    async def _render(self, what: tuple[View, str]) -> Rendered:
        view, event_id = what
        event = await self._events.find(event_id)
        return view(event, await self._standings.read(event))


def _caching(event: Event) -> dict[str, str]:
    if is_restricted(event):
        return {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
    return {"Cache-Control": "public, max-age=1"}


def _is_known(if_none_match: str, etag: str) -> bool:
    """Whether the client has it already, by the weak comparison that If-None-Match asks for."""
    known = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return etag.removeprefix("W/") in known or "*" in known
