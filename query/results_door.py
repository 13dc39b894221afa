"""Who may see an event's results: asked of a request, by reads and streams of every dialect alike."""

from sanic import Request

from contract.web.token_verifier import TokenVerifier
from query.event import Event, is_restricted, require_visible


def let_in(event: Event, request: Request, verifier: TokenVerifier) -> None:
    """Raise `ResultsHidden` unless the caller may see the results now; a token is looked at only if it matters."""
    if is_restricted(event):
        require_visible(event, verifier.caller_if_any(request))
