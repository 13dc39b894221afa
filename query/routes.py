"""The calls that the query process answers."""

from typing import Any

from sanic import Sanic

from query.pages.page_handler import PageHandler
from query.pages.viewer_handler import ViewerHandler
from query.reads.events_handler import EventsHandler
from query.reads.results_handler import ResultsHandler
from query.reads.user_vote_handler import UserVoteHandler
from query.reads.vote_status_handler import VoteStatusHandler


def add_routes(
    app: Sanic[Any, Any],
    events: EventsHandler,
    results: ResultsHandler,
    statuses: VoteStatusHandler,
    user_votes: UserVoteHandler,
    pages: PageHandler,
    viewers: ViewerHandler,
) -> None:
    """Route each call to its handler."""
    app.add_route(events.events, "/v1/events", name="events")
    app.add_route(events.event, "/v1/event/<event_id>", name="event")
    app.add_route(results.leaderboard, "/v1/event/<event_id>/leaderboard", name="leaderboard")
    app.add_route(results.results, "/v1/event/<event_id>/results", name="results")
    app.add_route(results.live, "/v1/event/<event_id>/live", name="live_count")
    app.add_route(results.contestants, "/v1/contestants/<event_id>", name="contestants")
    app.add_route(statuses.status, "/v1/vote/<vote_id>/status", name="vote_status")
    app.add_route(user_votes.vote, "/v1/event/<event_id>/vote/<user_id>", name="user_vote")
    app.add_route(pages.live, "/live/<event_id>", name="live_page")
    app.add_route(pages.live_asset, "/live/assets/<name>", name="live_asset")
    app.add_route(viewers.seen, "/live/<event_id>/seen", methods=["POST"], name="viewer_seen")
    app.add_route(pages.docs, "/docs", name="docs")
    app.add_route(pages.docs_asset, "/docs/assets/<name>", name="docs_asset")
    app.add_route(pages.openapi, "/openapi.json", name="openapi")
