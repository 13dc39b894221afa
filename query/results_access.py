"""Who asks for an event and its results: of requests, for reads and streams of every dialect alike."""

import contextlib

from sanic import Request

from contract.errors import ResultsHidden, Unauthorized
from contract.tokens import Caller
from contract.web.token_verifier import TokenVerifier
from query.event import Event, require_listed
from query.on_air import is_hidden, may_see_all


class ResultsAccess:
    """Looks at tokens only where they matter."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    def require_listed(self, event: Event, request: Request) -> None:
        """Raise `NotFound` for a draft of others; a bad token says no more of it than none."""
        if event.status == "draft":
            require_listed(event.status, self.known_caller(request))

    def all_seer(self, request: Request) -> Caller | None:
        """Who asks, if they may see all; `Unauthorized` by a bad token."""
        caller = self._verifier.caller_if_any(request)
        return caller if may_see_all(caller) else None

    def stream_viewer(self, event: Event, request: Request) -> Caller | None:
        """Who wants a stream, if they may see all; else `NotFound`, `ResultsHidden` or `Unauthorized`.

        What is shown to everybody may be held back while the stream goes on: so it matters from the start who it is. A
        bad token matters only where something is hidden.
        """
        self.require_listed(event, request)
        if not is_hidden(event):
            caller = self.known_caller(request)
            return caller if may_see_all(caller) else None
        seer = self.all_seer(request)
        if seer is None:
            raise ResultsHidden
        return seer

    def known_caller(self, request: Request) -> Caller | None:
        """Who asks, as far as their token is good."""
        with contextlib.suppress(Unauthorized):
            return self._verifier.caller_if_any(request)
        return None
