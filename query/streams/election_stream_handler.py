"""GET /api/v1/results/stream/{electionId}: the stream of an election by WebSocket, for people who are known.

Their clients have no other place for a token than the address. It is in no log: the edge's lines and ours name no
path, and a span has the path as it is declared.
"""

import asyncio

from sanic import Request

from contract.errors import InvalidBody, NotFound, ResultsHidden, Unauthorized
from contract.revocations import RevocationList, ids_of
from contract.web.answering import trace_id
from contract.web.call import Access, call
from contract.web.request_content import parameter_of, uuid_of
from contract.web.token_verifier import TokenVerifier
from query.event_directory import EventDirectory
from query.results_access import stream_seer
from query.streams.election_client import ElectionClient
from query.streams.election_messages import ElectionTeller, error_text
from query.streams.sse_feed import Channel
from query.streams.stream_server import StreamServer, require_socket
from query.streams.stream_tickets import StreamTickets
from query.streams.user_streams import UserStreams


class ElectionStreamHandler:
    """Turns requests into clients of the hub that speak of elections."""

    def __init__(  # what a stream needs is made once, in the composition root
        self,
        verifier: TokenVerifier,
        revoked: RevocationList,
        events: EventDirectory,
        tickets: StreamTickets,
        server: StreamServer,
        users: UserStreams,
    ) -> None:
        self._verifier = verifier
        self._revoked = revoked
        self._events = events
        self._tickets = tickets
        self._server = server
        self._users = users
        self._teller = ElectionTeller()

    @call(
        "GET",
        "/api/v1/results/stream/{electionId}",
        name="election_stream",
        access=Access.PUBLIC,
        query={"token": str},
        answers={101: None},
        refusals=[Unauthorized, NotFound, ResultsHidden, InvalidBody],
    )
    async def socket(self, request: Request, election_id: str) -> None:
        """The standings of an election as they change, by WebSocket: for who has an access token, or a staff's ticket.

        The token is the parameter. A sixth stream of a user is told so and ended by 1013.
        """
        require_socket(request)
        event_id, token = uuid_of(election_id, "event_id"), parameter_of(request, "token") or ""
        if token and "." not in token:  # a JWT has dots, a ticket has none
            let_in_by = await self._let_in_by(token, str(event_id))
            user_id, event = let_in_by[0], await self._events.current(event_id)
        else:
            caller = self._verifier.caller_of(token)
            event = await self._events.current(event_id)
            user_id, let_in_by = caller.user_id, ids_of(caller) if stream_seer(event, caller) else ()

        def make(transport: asyncio.Transport, expires_at: float, channel: Channel) -> ElectionClient:
            hidden = error_text(ResultsHidden(), event.event_id, trace_id(request))
            return ElectionClient(
                transport,
                expires_at,
                let_in_by,
                channel=channel,
                election_id=event.event_id,
                hidden=hidden,
                teller=self._teller,
            )

        await self._server.serve_socket(
            request,
            event,
            let_in_by,
            make,
            admitted=self._users.admit(user_id),
            sorry=lambda error: error_text(error, event.event_id, trace_id(request)),
        )

    socket.is_websocket = True  # type: ignore[attr-defined]  # so that Sanic expects no answer from it

    async def _let_in_by(self, ticket: str, event_id: str) -> tuple[str, ...]:
        """The ids by whose revocation the stream of a ticket ends; the first is its user's."""
        ids = await self._tickets.redeem(ticket, event_id)
        if not ids or self._revoked.any_of(ids):
            raise Unauthorized
        return ids
