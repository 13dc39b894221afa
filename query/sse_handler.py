"""GET /v1/event/{event_id}/stream: the newest standings at once, then each change, `closed` at the end.

Sanic answers the head; from then on the hub writes into the connection, and this handler only waits for the end:
of the event, of the stream's lifetime, of the server, or of the client, which cancels it.
"""

import asyncio
import random
import time
from typing import cast

from sanic import HTTPResponse, Request

from contract.errors import NotFound, ResultsHidden
from contract.http_auth import TokenGate
from contract.http_docs import Access, documented
from contract.settings import Streaming
from query.event_directory import EventDirectory, require_visible
from query.sse_client import SseClient
from query.sse_hub import SseHub
from query.stream_frames import retry

RETRY_MS = (1_000, 4_000)  # each client gets its own, so that they don't come back all at once
HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}


class SseHandler:
    """Turns requests into clients of the hub."""

    def __init__(self, gate: TokenGate, events: EventDirectory, hub: SseHub, limits: Streaming) -> None:
        self._gate = gate
        self._events = events
        self._hub = hub
        self._lifetime_s = limits.lifetime_ms / 1000

    @documented(
        "The standings of an event as they change",
        access=Access.OPTIONAL,
        answers={200: "text/event-stream", 204: None},
        refusals=[NotFound, ResultsHidden],
    )
    async def stream(self, request: Request, event_id: str) -> HTTPResponse | None:
        """204 to a client that has seen the end of a closed event: its EventSource then stays away."""
        event = await self._events.find(event_id)
        require_visible(event, request, self._gate)
        async with self._hub.watch(event) as feed:
            if feed.has_ended_for(request.headers.get("last-event-id", "")):
                return HTTPResponse(status=204)
            response = await request.respond(headers=HEADERS, content_type="text/event-stream")
            await response.send(retry(random.randint(*RETRY_MS)))  # noqa: S311  # spreads load, keeps no secret
            client = SseClient(cast("asyncio.Transport", request.transport), self._expiry())
            feed.join(client)
            try:
                await client.ended
            finally:
                feed.leave(client)
            await response.eof()
        return None

    def _expiry(self) -> float:
        return time.monotonic() + self._lifetime_s * random.uniform(0.9, 1.1)  # noqa: S311  # spreads load, keeps no secret
