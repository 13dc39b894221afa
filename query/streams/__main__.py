"""The sse process: streams, and nothing that a crowd of streams could starve.

python -m query.streams
"""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from sanic import Sanic

from contract import settings, stages
from contract.revocations import RevocationList
from contract.road import Part
from contract.web.background import Work
from contract.web.revocation_listener import RevocationListener
from contract.web.road_beacon import RoadBeacon
from contract.web.service import Service, run_service
from contract.web.token_verifier import TokenVerifier
from query.event_directory import EventDirectory
from query.redis_reader import RedisReader, redis_client
from query.replica_reader import ReplicaReader, primary_behind
from query.settings import SseListening, Staleness, Streaming
from query.standings_bell import StandingsBell
from query.standings_reader import StandingsReader
from query.streams.election_stream_handler import ElectionStreamHandler
from query.streams.sse_handler import SseHandler
from query.streams.sse_hub import SseHub
from query.streams.stream_server import StreamServer
from query.streams.stream_tickets import StreamTickets
from query.streams.user_streams import UserStreams

MESSAGE_BYTES_MAX = 1024  # of a WebSocket's client, who has nothing to say


class SseService(Service):
    """Everything that this process holds."""

    handler_types = (SseHandler, ElectionStreamHandler)

    # Connections that live for long die as cycles (Sanic's) among old objects, which must be looked through often
    # enough: after some thousand joins. By the other services' thresholds memory grew by 27 MB with each 10,000 of
    # them (tried).
    gc_thresholds = (50_000, 2, 2)

    def __init__(self, env: Mapping[str, str]) -> None:
        self.listening = settings.read(SseListening, env)
        self._limits = settings.read(Streaming, env)
        stale_after_s = settings.read(Staleness, env).after_ms / 1000
        redis = settings.read(settings.Redis, env)
        revoked = RevocationList()
        self._verifier = TokenVerifier(settings.read(settings.Verification, env).jwks_url, revoked)
        replica = settings.read(settings.Replica, env)
        self._replica = ReplicaReader(replica.url, has_primary=bool(replica.primary_url))
        self._primary = primary_behind(replica.primary_url)
        self._redis = redis_client(redis.url)
        standings = StandingsReader(
            RedisReader(self._redis, redis.sources, stale_after_s), self._replica, redis.sources
        )
        events = EventDirectory(self._replica, self._primary)
        self._hub = SseHub(standings, events, self._limits)
        identity_url = settings.read(settings.IdentityDatabase, env).url
        self._revocations = RevocationListener(identity_url, revoked, self._hub.end_revoked)
        self._bell = StandingsBell(self._redis, events.hear, self._hub.ring, self._hub.trace)
        latency = stages.latencies(stages.COMMITTED_TO_DELIVERED)
        self._beacon = RoadBeacon(self._redis, Part.STREAMS, self.why_not_ready, latency, watching=self._hub.watching)
        server = StreamServer(revoked, self._hub, self._limits)
        # Of their own: no crowd that comes in keeps the hub from reading, and none with made up tickets the leases.
        self._tickets, self._leases = redis_client(redis.url), redis_client(redis.url)
        tickets = StreamTickets(self._tickets)
        self._users = UserStreams(self._leases, self._limits.lease_ms)
        self.handlers = (
            SseHandler(self._verifier, revoked, events, tickets, server, self._limits),
            ElectionStreamHandler(self._verifier, revoked, events, tickets, server, self._users),
        )

    async def why_not_ready(self) -> str:
        """Streams need the replica, and Redis, to be of use: without it they go on, but what they show is stale."""
        if not self._revocations.has_looked:
            return "hasn't looked yet which sessions are revoked"
        if not self._bell.hears:
            return "doesn't hear Redis"
        return await self._replica.why_not_ready()

    async def open(self) -> None:
        """Make the pools."""
        await self._replica.open()
        if self._primary:
            await self._primary.open()

    def work(self) -> Iterable[Work]:
        """Hear of changes, push them, and look after the clients."""
        return [
            self._verifier.run(),
            self._revocations.run(),
            self._bell.run(),
            self._hub.run_pushes(),
            self._hub.run_sweeps(),
            self._beacon.run(),
            self._users.run(),
        ]

    def configure(self, app: Sanic[Any, Any]) -> None:
        """The hub ends streams, so Sanic must not cut them; its heartbeats are the pings of WebSockets."""
        app.config.RESPONSE_TIMEOUT = self._limits.lifetime_ms / 1000 * 2
        app.config.WEBSOCKET_MAX_SIZE = MESSAGE_BYTES_MAX
        app.config.WEBSOCKET_PING_INTERVAL = None
        app.enable_websocket()

    async def end_streams(self) -> None:
        """Let each stream end properly."""
        await self._hub.drain()

    async def close(self) -> None:
        """Let the connections go."""
        await self._replica.close()
        if self._primary:
            await self._primary.close()
        await self._redis.aclose()
        await self._tickets.aclose()
        await self._leases.aclose()


if __name__ == "__main__":
    sys.exit(run_service("sse", SseService))
