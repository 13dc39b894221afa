"""Answers the reads of results as /v1 says them, told apart by ETag."""

from uuid import UUID

from sanic import HTTPResponse, Request

from contract.errors import InvalidField, NotFound, ResultsHidden
from contract.web.answering import answer
from contract.web.call import Access, call
from contract.web.request_content import flag_of, is_known, uuid_of
from contract.web.token_verifier import TokenVerifier
from query.event_directory import EventDirectory
from query.on_air import Audience
from query.reads import feed_views, result_views
from query.reads.feed_views import Feed
from query.reads.result_renderer import ResultRenderer
from query.reads.result_views import Contestants, Leaderboard, LiveCount, Results, View
from query.results_access import ResultsAccess


class ResultsHandler:
    """Turns rendered results into answers."""

    def __init__(
        self, verifier: TokenVerifier, events: EventDirectory, door: ResultsAccess, results: ResultRenderer
    ) -> None:
        self._verifier = verifier
        self._events = events
        self._door = door
        self._results = results

    @call(
        "GET",
        "/v1/event/{event_id}/leaderboard",
        name="leaderboard",
        answers={200: Leaderboard, 304: None},
        refusals=[NotFound, ResultsHidden],
    )
    async def leaderboard(self, request: Request, event_id: str) -> HTTPResponse:
        """The contestants of an event, most votes first."""
        self._verifier.caller(request)
        return await self._answer(request, event_id, result_views.leaderboard)

    @call(
        "GET",
        "/v1/event/{event_id}/results",
        name="results",
        access=Access.OPTIONAL,
        query={"include_percentages": bool},
        answers={200: Results, 304: None},
        refusals=[NotFound, ResultsHidden, InvalidField],
    )
    async def results(self, request: Request, event_id: str) -> HTTPResponse:
        """The results of an event."""
        wanted = flag_of(request, "include_percentages")
        view = result_views.results_with_percentages if wanted else result_views.results
        return await self._answer(request, event_id, view)

    @call(
        "GET",
        "/v1/event/{event_id}/live",
        name="live_count",
        access=Access.OPTIONAL,
        answers={200: LiveCount, 304: None},
        refusals=[NotFound, ResultsHidden],
    )
    async def live(self, request: Request, event_id: str) -> HTTPResponse:
        """How many votes an event has."""
        return await self._answer(request, event_id, result_views.live_count)

    @call(
        "GET",
        "/v1/event/{event_id}/feed.json",
        name="feed_json",
        access=Access.OPTIONAL,
        answers={200: Feed, 304: None},
        refusals=[NotFound, ResultsHidden],
    )
    async def feed_json(self, request: Request, event_id: str) -> HTTPResponse:
        """The standings for a graphics machine that polls."""
        return await self._answer(request, event_id, feed_views.feed_json)

    @call(
        "GET",
        "/v1/event/{event_id}/feed.csv",
        name="feed_csv",
        access=Access.OPTIONAL,
        answers={200: "text/csv", 304: None},
        refusals=[NotFound, ResultsHidden],
    )
    async def feed_csv(self, request: Request, event_id: str) -> HTTPResponse:
        """The same as a table, a line for each contestant."""
        return await self._answer(request, event_id, feed_views.feed_csv)

    @call("GET", "/v1/contestants/{event_id}", name="contestants", answers={200: Contestants}, refusals=[NotFound])
    async def contestants(self, request: Request, event_id: str) -> HTTPResponse:
        """The contestants of an event, in the host's order."""
        caller = self._verifier.caller(request)
        event = await self._events.find(uuid_of(event_id, "event_id"), caller)
        return answer(result_views.contestants(event))

    async def _answer(self, request: Request, event_id: str, view: View) -> HTTPResponse:
        """What everybody sees; to those who may see all, what they alone see, if there is such."""
        event = await self._events.current(uuid_of(event_id, "event_id"))
        self._door.require_listed(event, request)
        rendered = await self._results.rendered(UUID(event.event_id), view, Audience.PUBLIC)
        headers = _CACHING[rendered is None or rendered.held_back]
        if (rendered is None or rendered.held_back) and self._door.all_seer(request):
            rendered = await self._results.rendered(UUID(event.event_id), view, Audience.STAFF)
            headers = _PRIVATE
        if rendered is None:
            raise ResultsHidden
        headers = {"ETag": rendered.etag, **headers}
        if is_known(request, rendered.etag):
            return HTTPResponse(status=304, headers=headers)
        return HTTPResponse(rendered.body, headers=headers, content_type=rendered.content_type)


_PUBLIC = {"Cache-Control": "public, max-age=1"}
_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
_CACHING = {False: _PUBLIC, True: {**_PUBLIC, "Vary": "Authorization"}}  # by whether something is held back
