"""Who may see an event, and its results: asked of a request, by reads and streams of every dialect alike."""

import contextlib
from uuid import UUID

from sanic import Request

from contract.errors import Unauthorized
from contract.tokens import Caller
from contract.web.token_verifier import TokenVerifier
from query.event import Event, is_restricted, require_listed, require_visible
from query.event_directory import EventDirectory


class ResultsAccess:
    """Lets requests in; a token is looked at only if it matters."""

    def __init__(self, verifier: TokenVerifier, events: EventDirectory) -> None:
        self._verifier = verifier
        self._events = events

    async def results(self, request: Request, event_id: UUID) -> Event:
        """The event, whose results this caller may see now; raises as `let_in`, and `Busy`."""
        event = await self._events.current(event_id)
        self.let_in(event, request)
        return event

    def let_in(self, event: Event, request: Request) -> Caller | None:
        """Who may see the results now, if that matters; else `NotFound`, `ResultsHidden` or `Unauthorized`."""
        if event.status == "draft":  # a bad token says no more of it than none
            caller = self._known_caller(request)
            require_listed(event.status, caller)
        elif is_restricted(event):
            caller = self._verifier.caller_if_any(request)
            require_visible(event, caller)
        else:
            return None
        return caller

    def _known_caller(self, request: Request) -> Caller | None:
        with contextlib.suppress(Unauthorized):
            return self._verifier.caller_if_any(request)
        return None
