"""The sse process: streams, and nothing that a crowd of streams could starve.

python -m query.streams
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any

from sanic import Sanic

from contract import settings
from contract.telemetry import log_to_stderr
from contract.web.service import make_service, serve
from contract.web.token_verifier import TokenVerifier
from query.event_directory import EventDirectory
from query.redis_reader import RedisReader, redis_client
from query.replica_reader import ReplicaReader
from query.settings import SseListening, Staleness, Streaming
from query.standings_reader import StandingsReader
from query.streams.sse_handler import SseHandler
from query.streams.sse_hub import SseHub
from query.streams.standings_bell import StandingsBell
from query.streams.stream_tickets import StreamTickets

# Connections that live for long die as cycles (Sanic's) among old objects, which must be looked through often enough:
# after some thousand joins. By the other services' thresholds memory grew by 27 MB with each 10,000 of them (tried).
GC_THRESHOLDS = (50_000, 2, 2)
MESSAGE_BYTES_MAX = 1024  # of a WebSocket's client, who has nothing to say


class SseService:
    """Everything that this process holds; `open` and `close` are its lifetime."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.listening = settings.read(SseListening, env)
        self.limits = settings.read(Streaming, env)
        redis = settings.read(settings.Redis, env)
        self._verifier = TokenVerifier(settings.read(settings.Verification, env).jwks_url)
        self._replica = ReplicaReader(settings.read(settings.Replica, env).url)
        self._redis = redis_client(redis.url)
        reader = RedisReader(self._redis, redis.sources, settings.read(Staleness, env).after_ms / 1000)
        events = EventDirectory(self._replica)
        self._hub = SseHub(StandingsReader(reader, self._replica, redis.sources), events, self.limits)
        self._bell = StandingsBell(self._redis, self._hub.ring)
        self.streams = SseHandler(self._verifier, events, StreamTickets(self._redis), self._hub, self.limits)
        self._tasks: list[asyncio.Task[None]] = []

    async def why_not_ready(self) -> str:
        """The reason why no traffic should come here, or "" ; Redis is no reason, its absence only makes stale."""
        return await self._replica.why_not_ready()

    async def open(self, _app: Sanic[Any, Any]) -> None:
        """Start everything; waits for nothing."""
        await self._replica.open()
        work = [self._verifier.run(), self._bell.run(), self._hub.run_pushes(), self._hub.run_sweeps()]
        self._tasks = [asyncio.create_task(each) for each in work]

    async def end_streams(self, _app: Sanic[Any, Any]) -> None:
        """Before the connections are closed: let each stream end properly."""
        await self._hub.drain()

    async def close(self, _app: Sanic[Any, Any]) -> None:
        """Let go of everything, after the last stream."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._replica.close()
        await self._redis.aclose()


def make_app(service: SseService) -> Sanic[Any, Any]:
    """The Sanic app around the service."""
    app = make_service("sse", service.why_not_ready)
    app.config.RESPONSE_TIMEOUT = service.limits.lifetime_ms / 1000 * 2  # the hub ends streams, Sanic must not cut them
    app.config.WEBSOCKET_MAX_SIZE = MESSAGE_BYTES_MAX
    app.config.WEBSOCKET_PING_INTERVAL = None  # the hub's heartbeats are pings
    app.enable_websocket()
    add_routes(app, service.streams)
    app.before_server_start(service.open)
    app.before_server_stop(service.end_streams)
    app.after_server_stop(service.close)
    return app


def add_routes(app: Sanic[Any, Any], streams: SseHandler) -> None:
    """Route the calls of this process."""
    app.add_route(streams.stream, "/v1/event/<event_id>/stream", name="stream")
    app.add_route(streams.socket, "/v1/event/<event_id>/ws", name="websocket")
    app.add_route(streams.ticket, "/v1/event/<event_id>/stream/ticket", methods=["POST"], name="stream_ticket")


def main() -> None:
    """Serve; exits with one line when a setting is wrong."""
    log_to_stderr("sse")
    try:
        service = SseService(os.environ)
    except settings.SettingError as error:
        sys.exit(f"sse: {error}")
    serve(make_app(service), service.listening.host, service.listening.port, GC_THRESHOLDS)


if __name__ == "__main__":
    main()
