"""The calls that this process answers."""

from typing import Any

from sanic import Sanic

from command.events.event_handler import EventHandler
from command.votes.vote_handler import VoteHandler


def add_routes(app: Sanic[Any, Any], votes: VoteHandler, events: EventHandler) -> None:
    """Route each call of the write side to its handler."""
    app.add_route(votes.submit, "/v1/vote/submit", methods=["POST"], name="vote_submit")
    app.add_route(events.create, "/v1/event/create", methods=["POST"], name="event_create")
    app.add_route(events.open, "/v1/event/<event_id>/open", methods=["POST"], name="event_open")
    app.add_route(events.close, "/v1/event/<event_id>/close", methods=["POST"], name="event_close")
    app.add_route(events.cancel, "/v1/event/<event_id>/cancel", methods=["POST"], name="event_cancel")
