"""GET /v1/event/{event_id}/stream and /ws: the newest standings at once, then each change, `closed` at the end.

A stream goes on through a freeze and a reveal, also beyond the close: the end comes when all is shown. Who may see all
at any time gets all from the start, by token or ticket. When results are hidden, the others' streams end by `hidden`.

Sanic answers the head; from then on the hub writes into the connection (stream_server).
"""

import asyncio
import contextlib
import random
from typing import cast

import msgspec
from sanic import HTTPResponse, Request

from contract.errors import Busy, InvalidBody, NotFound, ResultsHidden, TooMany, Unauthorized
from contract.revocations import RevocationList, ids_of
from contract.web.answering import answer
from contract.web.call import Access, call
from contract.web.request_content import uuid_of
from contract.web.token_verifier import TokenVerifier
from query.event import Event
from query.event_directory import EventDirectory
from query.on_air import is_hidden, may_see_all
from query.results_access import ResultsAccess
from query.settings import Streaming
from query.streams.sse_client import SseClient
from query.streams.sse_feed import Channel
from query.streams.stream_frames import Form, retry
from query.streams.stream_server import StreamServer, require_socket
from query.streams.stream_tickets import LIFETIME_S, StreamTickets

RETRY_MS = (1_000, 4_000)  # each client gets its own, so that they don't come back all at once
HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}


class Ticket(msgspec.Struct):
    """Opens one stream of the event, once, within `expires_in` seconds, as `?ticket=`."""

    ticket: str
    expires_in: int


class SseHandler:
    """Turns requests into clients of the hub."""

    def __init__(  # what a stream needs is made once, in the composition root
        self,
        verifier: TokenVerifier,
        revoked: RevocationList,
        events: EventDirectory,
        tickets: StreamTickets,
        server: StreamServer,
        limits: Streaming,
    ) -> None:
        self._revoked = revoked
        self._verifier = verifier
        self._events = events
        self._door = ResultsAccess(verifier)
        self._tickets = tickets
        self._server = server
        self._stalled_s = limits.stalled_ms / 1000

    @call(
        "GET",
        "/v1/event/{event_id}/stream",
        name="stream",
        access=Access.OPTIONAL,
        query={"ticket": str, "lastEventId": str},
        answers={200: "text/event-stream", 204: None},
        refusals=[NotFound, ResultsHidden, TooMany, Busy],
    )
    async def stream(self, request: Request, event_id: str) -> HTTPResponse | None:
        """The standings of an event as they change.

        204 to a client that has seen the end of a closed event: its EventSource then stays away.
        """
        event, let_in_by = await self._visible(request, event_id)
        async with self._server.watched(request, event, let_in_by) as channel:
            if channel.has_ended_for(request.headers.get("last-event-id") or request.args.get("lastEventId", "")):
                return HTTPResponse(status=204)
            if request.method == "HEAD":
                return HTTPResponse(headers=HEADERS, content_type="text/event-stream")
            response = await request.respond(headers=HEADERS, content_type="text/event-stream")
            await response.send(retry(random.randint(*RETRY_MS)))  # noqa: S311  # spreads load, keeps no secret
            transport = cast("asyncio.Transport", request.transport)
            client = SseClient(transport, self._server.expires_at(), Form.SSE, let_in_by)
            await self._server.serve(client, channel)
            try:
                async with asyncio.timeout(self._stalled_s):
                    await response.eof()
            except TimeoutError:
                client.abort()
        return None

    @call(
        "GET",
        "/v1/event/{event_id}/ws",
        name="websocket",
        access=Access.OPTIONAL,
        query={"ticket": str},
        answers={101: None},
        refusals=[NotFound, ResultsHidden, InvalidBody],
    )
    async def socket(self, request: Request, event_id: str) -> None:
        """The same by WebSocket: each message is the data of an event of the stream.

        Refused before the handshake, except for want of room: 1013. Ends by 1000, by 1012: come back, or by 1008 when
        results are hidden or the client floods; what it says else is ignored.
        """
        require_socket(request)
        event, let_in_by = await self._visible(request, event_id)

        def make(transport: asyncio.Transport, expires_at: float, _channel: Channel) -> SseClient:
            return SseClient(transport, expires_at, Form.WEBSOCKET, let_in_by)

        await self._server.serve_socket(request, event, let_in_by, make, admitted=contextlib.nullcontext())

    socket.is_websocket = True  # type: ignore[attr-defined]  # so that Sanic expects no answer from it

    @call(
        "POST",
        "/v1/event/{event_id}/stream/ticket",
        name="stream_ticket",
        answers={200: Ticket},
        refusals=[NotFound, ResultsHidden],
    )
    async def ticket(self, request: Request, event_id: str) -> HTTPResponse:
        """A ticket for one stream of an event, for those who may see the results now."""
        caller = self._verifier.caller(request)
        event = await self._events.find(uuid_of(event_id, "event_id"), caller)
        if is_hidden(event) and not may_see_all(caller):
            raise ResultsHidden
        return answer(Ticket(await self._tickets.issue(event, caller), LIFETIME_S))

    async def _visible(self, request: Request, event_id: str) -> tuple[Event, tuple[str, ...]]:
        """The event; of one who may see all, the ids by whose revocation the stream ends."""
        event = await self._events.current(uuid_of(event_id, "event_id"))
        ticket = request.args.get("ticket")
        if ticket and (ids := await self._tickets.redeem(ticket, event.event_id)):
            if self._revoked.any_of(ids):
                raise Unauthorized
            return event, ids
        caller = self._door.stream_viewer(event, request)
        return event, ids_of(caller) if caller else ()
