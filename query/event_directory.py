"""Events as readers need them, each at most two seconds old; unknown ids are remembered as long as known ones.

While Postgres is away, known events keep being served. Who may see an event's results is decided here too.
"""

from sanic import Request

from contract.errors import NotFound, ResultsHidden
from contract.web.service import uuid_in_path
from contract.web.token_verifier import TokenVerifier
from query.event import Event, is_restricted
from query.recent_cache import RecentCache
from query.replica_reader import ReplicaReader

EVENT_AGE_S = 2
EVENTS_MAX = 2_000


class EventDirectory:
    """Finds events by the text of a request's path."""

    def __init__(self, replica: ReplicaReader) -> None:
        self._events = RecentCache(replica.event, EVENT_AGE_S, EVENTS_MAX)

    async def find(self, event_id: str) -> Event:
        """The event; `InvalidField` when malformed, `NotFound` when unknown, `Busy` when it can't be asked for."""
        event = await self._events.get(str(uuid_in_path(event_id, "event_id")))
        if event is None:
            raise NotFound("event not found", field="event_id")
        return event


def require_visible(event: Event, request: Request, verifier: TokenVerifier) -> None:
    """Raise `ResultsHidden` unless this caller may see the results now; a token is looked at only if it matters."""
    if not is_restricted(event):
        return
    if "authorization" not in request.headers:
        raise ResultsHidden
    caller = verifier.caller(request)
    if not (caller.is_staff or caller.may_read_all):
        raise ResultsHidden
