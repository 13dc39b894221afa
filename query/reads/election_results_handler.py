"""The reads of results, as /api/v1 says them; who sees what of them is in result_answers."""

from sanic import HTTPResponse, Request

from contract.errors import InvalidField, NotFound, ResultsHidden
from contract.web.answering import answer
from contract.web.call import Access, call
from contract.web.request_content import flag_of, uuid_of
from contract.web.token_verifier import TokenVerifier
from query.reads import election_views
from query.reads.election_views import ElectionCount, ElectionResults, ElectionStatistics
from query.reads.event_statistics import EventStatistics
from query.reads.result_answers import ResultAnswers


class ElectionResultsHandler:
    """Turns rendered results and figures into answers, in the words of elections."""

    def __init__(self, verifier: TokenVerifier, results: ResultAnswers, statistics: EventStatistics) -> None:
        self._verifier = verifier
        self._results = results
        self._statistics = statistics

    @call(
        "GET",
        "/api/v1/results/{electionId}",
        name="election_results",
        access=Access.OPTIONAL,
        query={"includePercentages": bool},
        answers={200: ElectionResults, 304: None},
        refusals=[NotFound, ResultsHidden, InvalidField],
    )
    async def results(self, request: Request, election_id: str) -> HTTPResponse:
        """The results of an election, also while it goes on."""
        wanted = flag_of(request, "includePercentages", default=True)
        view = election_views.results_with_percentages if wanted else election_views.results
        return await self._results.answer(request, election_id, view)

    @call(
        "GET",
        "/api/v1/results/live/{electionId}",
        name="election_live",
        access=Access.OPTIONAL,
        answers={200: ElectionCount, 304: None},
        refusals=[NotFound, ResultsHidden],
    )
    async def live(self, request: Request, election_id: str) -> HTTPResponse:
        """How many votes an election has."""
        return await self._results.answer(request, election_id, election_views.live_count)

    @call(
        "GET",
        "/api/v1/results/statistics/{electionId}",
        name="election_statistics",
        access=Access.AUDIT,
        query={"includeHourly": bool, "includeRegional": bool},
        answers={200: ElectionStatistics},
        refusals=[NotFound],
    )
    async def statistics(self, request: Request, election_id: str) -> HTTPResponse:
        """Turnout, votes by hour and by region."""
        self._verifier.auditor(request)
        hourly, regional = flag_of(request, "includeHourly"), flag_of(request, "includeRegional")
        figures = await self._statistics.of(uuid_of(election_id, "event_id"))
        return answer(election_views.statistics(figures, hourly=hourly, regional=regional))
