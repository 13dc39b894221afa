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
        caller = self._verifier.caller_if_any(request) if is_hidden(event) else self.known_caller(request)
        return stream_seer(event, caller)

    def known_caller(self, request: Request) -> Caller | None:
        """Who asks, as far as their token is good."""
        with contextlib.suppress(Unauthorized):
            return self._verifier.caller_if_any(request)
        return None


def stream_seer(event: Event, caller: Caller | None) -> Caller | None:
    """Of this caller, if they may see all, a stream; None: the public's. Else `NotFound` or `ResultsHidden`."""
    require_listed(event.status, caller)
    if may_see_all(caller):
        return caller
    if is_hidden(event):
        raise ResultsHidden
    return None
