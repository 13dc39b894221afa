"""The reads of results, as /v1 says them; who sees what of them is in result_answers."""

from sanic import HTTPResponse, Request

from contract.errors import InvalidField, NotFound, ResultsHidden
from contract.web.answering import answer
from contract.web.call import Access, call
from contract.web.request_content import flag_of, uuid_of
from contract.web.token_verifier import TokenVerifier
from query.event_directory import EventDirectory
from query.reads import feed_views, result_views
from query.reads.feed_views import Feed
from query.reads.result_answers import ResultAnswers
from query.reads.result_views import Contestants, Leaderboard, LiveCount, Results


class ResultsHandler:
    """Turns rendered results into answers."""

    def __init__(self, verifier: TokenVerifier, events: EventDirectory, results: ResultAnswers) -> None:
        self._verifier = verifier
        self._events = events
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
        return await self._results.answer(request, event_id, result_views.leaderboard)

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
        return await self._results.answer(request, event_id, view)

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
        return await self._results.answer(request, event_id, result_views.live_count)

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
        return await self._results.answer(request, event_id, feed_views.feed_json)

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
        return await self._results.answer(request, event_id, feed_views.feed_csv)

    @call("GET", "/v1/contestants/{event_id}", name="contestants", answers={200: Contestants}, refusals=[NotFound])
    async def contestants(self, request: Request, event_id: str) -> HTTPResponse:
        """The contestants of an event, in the host's order."""
        caller = self._verifier.caller(request)
        event = await self._events.find(uuid_of(event_id, "event_id"), caller)
        return answer(result_views.contestants(event))
