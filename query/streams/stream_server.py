"""What serves every kind of stream, in whatever dialect: its place in the hub, its lifetime, its last word.

From the handshake on the hub writes into the connection; who serves only waits for the end: of the event, of the
stream's lifetime, of the server, or of the client, which cancels it.
"""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

from sanic import Request
from sanic.exceptions import WebsocketClosed

from contract.errors import Busy, ContractError, InvalidBody, ResultsHidden, TooMany
from contract.revocations import RevocationList
from contract.web.answering import measure_answer
from contract.web.client_address import address_of
from query.event import Event
from query.on_air import Audience
from query.settings import Streaming
from query.streams.sse_client import SseClient
from query.streams.sse_feed import Channel
from query.streams.sse_hub import SseHub
from query.streams.stream_limit import StreamLimit

OVER, TOO_CHATTY, COME_BACK, FULL = 1000, 1008, 1012, 1013  # a WebSocket's last word: the third is this server's end
HIDDEN = 1008  # as for those who flood, with the error's code as the reason
WORDS_A_MINUTE = 60  # of a client by WebSocket: more than any app's own pings, and next to no work
CLOSED_WITHIN_S = 2.0  # a client should answer that word
# Of an address, refused sockets that are told so and haven't answered yet; one more gets no handshake but a 429.
REFUSED_AT_ONCE_MAX = 20

# Of a connection, the end of its lifetime (monotonic s) and what it is shown: the client that the hub writes to.
ClientMaker = Callable[[asyncio.Transport, float, Channel], SseClient]


class StreamServer:
    """Serves streams of the hub's events."""

    def __init__(self, revoked: RevocationList, hub: SseHub, limits: Streaming) -> None:
        self._revoked = revoked
        self._hub = hub
        self._addresses = StreamLimit(limits.clients_per_address_max, "from this address")
        self._refused = StreamLimit(REFUSED_AT_ONCE_MAX, "from this address")
        self._lifetime_s = limits.lifetime_ms / 1000

    @contextlib.asynccontextmanager
    async def watched(self, request: Request, event: Event, let_in_by: tuple[str, ...]) -> AsyncIterator[Channel]:
        """What this client is shown until the end of the block; `TooMany`, `Busy`, `ResultsHidden`.

        `let_in_by`: of one who may see all, the ids by whose revocation the stream ends.
        """
        audience = Audience.STAFF if let_in_by else Audience.PUBLIC
        with self._addresses.admit(address_of(request)):
            async with self._hub.watch(event, audience) as channel:
                yield channel

    def expires_at(self) -> float:
        """When a stream that begins now has to end, monotonic s; each at its own time, which spreads load."""
        return time.monotonic() + self._lifetime_s * random.uniform(0.9, 1.1)  # noqa: S311  # keeps no secret

    async def serve(self, client: SseClient, channel: Channel) -> None:
        """Let the hub write to this client until the end."""
        channel.join(client)
        if self._hub.closing or self._revoked.any_of(client.let_in_by):
            client.end()
        try:
            await client.ended
        finally:
            channel.leave(client)

    async def serve_socket(
        self,
        request: Request,
        event: Event,
        let_in_by: tuple[str, ...],
        make: ClientMaker,
        *,
        admitted: AbstractAsyncContextManager[None],
        sorry: Callable[[ContractError], str] | None = None,
    ) -> None:
        """Serve one by WebSocket, `admitted` by a limit of its own; for want of room it is told so: 1013.

        A browser's page learns nothing of a refused handshake. `sorry` is what it is told before.
        """
        protocol = cast("Any", request.transport).get_protocol()  # Sanic's, which has the handshake
        try:
            async with admitted, self.watched(request, event, let_in_by) as channel:
                websocket = await protocol.websocket_handshake(request)
                measure_answer(request, 101)
                client = make(cast("asyncio.Transport", request.transport), self.expires_at(), channel)
                listening = asyncio.create_task(_ignore_words(websocket, client))
                try:
                    await self.serve(client, channel)
                finally:
                    listening.cancel()
                await _close(websocket, *_last_word(channel, chatty=listening.done()))
        except (Busy, TooMany) as error:
            with self._refused.admit(address_of(request)):
                websocket = await protocol.websocket_handshake(request)
                measure_answer(request, error.status)
                if sorry:
                    await websocket.send(sorry(error))
                await _close(websocket, FULL, str(error))


def require_socket(request: Request) -> None:
    """`InvalidBody` unless a WebSocket is asked for."""
    if request.method != "GET" or request.headers.get("upgrade", "").lower() != "websocket":
        raise InvalidBody("this address is for WebSockets")


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
