"""GET /v1/event/{event_id}/stream and /ws: the newest standings at once, then each change, `closed` at the end.

A stream goes on through a freeze and a reveal, also beyond the close: the end comes when all is shown. Who may see all
at any time gets all from the start, by token or ticket. When results are hidden, the others' streams end by `hidden`.

Sanic answers the head; from then on the hub writes into the connection, and the handler only waits for the end:
of the event, of the stream's lifetime, of the server, or of the client, which cancels it.
"""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, cast

import msgspec
from sanic import HTTPResponse, Request
from sanic.exceptions import WebsocketClosed

from contract.errors import Busy, InvalidBody, NotFound, ResultsHidden, TooMany, Unauthorized
from contract.revocations import RevocationList, ids_of
from contract.web.answering import answer, measure_answer
from contract.web.call import Access, call
from contract.web.request_content import uuid_of
from contract.web.token_verifier import TokenVerifier
from query.event import Event
from query.event_directory import EventDirectory
from query.on_air import Audience, is_hidden, may_see_all
from query.results_access import ResultsAccess
from query.settings import Streaming
from query.streams.address_limit import AddressLimit
from query.streams.sse_client import SseClient
from query.streams.sse_feed import Channel
from query.streams.sse_hub import SseHub
from query.streams.stream_frames import Form, retry
from query.streams.stream_tickets import LIFETIME_S, StreamTickets

RETRY_MS = (1_000, 4_000)  # each client gets its own, so that they don't come back all at once
HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
OVER, TOO_CHATTY, COME_BACK, FULL = 1000, 1008, 1012, 1013  # a WebSocket's last word: the third is this server's end
HIDDEN = 1008  # as for those who flood, with the error's code as the reason
WORDS_A_MINUTE = 60  # of a client by WebSocket: more than any app's own pings, and next to no work
CLOSED_WITHIN_S = 2.0  # a client should answer that word


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
        hub: SseHub,
        limits: Streaming,
    ) -> None:
        self._revoked = revoked
        self._verifier = verifier
        self._events = events
        self._door = ResultsAccess(verifier)
        self._tickets = tickets
        self._hub = hub
        self._addresses = AddressLimit(limits.clients_per_address_max)
        self._lifetime_s = limits.lifetime_ms / 1000
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
        async with self._watched(request, event, let_in_by) as channel:
            if channel.has_ended_for(request.headers.get("last-event-id") or request.args.get("lastEventId", "")):
                return HTTPResponse(status=204)
            if request.method == "HEAD":
                return HTTPResponse(headers=HEADERS, content_type="text/event-stream")
            response = await request.respond(headers=HEADERS, content_type="text/event-stream")
            await response.send(retry(random.randint(*RETRY_MS)))  # noqa: S311  # spreads load, keeps no secret
            client = self._client(request, Form.SSE, let_in_by)
            await self._serve(client, channel)
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
        if request.method != "GET" or request.headers.get("upgrade", "").lower() != "websocket":
            raise InvalidBody("this address is for WebSockets")
        event, let_in_by = await self._visible(request, event_id)
        protocol = cast("Any", request.transport).get_protocol()  # Sanic's, which has the handshake
        try:
            async with self._watched(request, event, let_in_by) as channel:
                websocket = await protocol.websocket_handshake(request)
                measure_answer(request, 101)
                client = self._client(request, Form.WEBSOCKET, let_in_by)
                listening = asyncio.create_task(_ignore_words(websocket, client))
                try:
                    await self._serve(client, channel)
                finally:
                    listening.cancel()
                await _close(websocket, *_last_word(channel, chatty=listening.done()))
        except (Busy, TooMany) as error:
            websocket = await protocol.websocket_handshake(request)
            measure_answer(request, error.status)
            await _close(websocket, FULL, str(error))

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

    @contextlib.asynccontextmanager
    async def _watched(self, request: Request, event: Event, let_in_by: tuple[str, ...]) -> AsyncIterator[Channel]:
        audience = Audience.STAFF if let_in_by else Audience.PUBLIC
        with self._addresses.admit(request):
            async with self._hub.watch(event, audience) as channel:
                yield channel

    def _client(self, request: Request, form: Form, let_in_by: tuple[str, ...]) -> SseClient:
        expires_at = time.monotonic() + self._lifetime_s * random.uniform(0.9, 1.1)  # noqa: S311  # spreads load, keeps no secret
        return SseClient(cast("asyncio.Transport", request.transport), expires_at, form, let_in_by)

    async def _serve(self, client: SseClient, channel: Channel) -> None:
        """Let the hub write to this client until the end."""
        channel.join(client)
        if self._hub.closing or self._revoked.any_of(client.let_in_by):
            client.end()
        try:
            await client.ended
        finally:
            channel.leave(client)


async def _ignore_words(websocket: Any, client: SseClient) -> None:
    """Read what a client says, which an app's own pings are, so that Sanic hears when it goes; end one that floods."""
    heard: deque[float] = deque([-60.0] * (WORDS_A_MINUTE + 1), WORDS_A_MINUTE + 1)
    with contextlib.suppress(WebsocketClosed):
        while time.monotonic() - heard[0] > 60:
            await websocket.recv()
            heard.append(time.monotonic())
    client.end()


def _last_word(channel: Channel, *, chatty: bool) -> tuple[int, str]:
    if channel.shown is None:
        return HIDDEN, ResultsHidden.code
    if channel.is_over:
        return OVER, ""
    return (TOO_CHATTY if chatty else COME_BACK), ""


async def _close(websocket: Any, code: int, reason: str = "") -> None:
    """Say the last word, and let the client answer before the connection goes."""
    await websocket.close(code, reason)
    await websocket.wait_for_connection_lost(CLOSED_WITHIN_S)
