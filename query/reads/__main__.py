"""The query process: reads of results and votes, the live page and the documentation.

It opens connections to Redis and to the replica when they are needed; either may come later or go away.

    python -m query.reads
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any

from sanic import Sanic

from contract import settings
from contract.telemetry import log_to_stderr
from contract.tokens import SeedBox
from contract.vote_id import ReceiptCipher
from contract.web.service import make_service, serve
from contract.web.token_verifier import TokenVerifier
from query.event_directory import EventDirectory
from query.pages.page_handler import PageHandler, load_files
from query.pages.viewer_handler import ViewerHandler
from query.reads.events_handler import EventsHandler
from query.reads.results_handler import ResultsHandler
from query.reads.user_vote_handler import UserVoteHandler
from query.reads.vote_status_handler import VoteStatusHandler
from query.redis_reader import RedisReader, redis_client
from query.replica_reader import ReplicaReader
from query.routes import add_routes
from query.settings import QueryListening, Staleness
from query.standings_reader import StandingsReader


class QueryService:
    """Everything that this process holds; `open` and `close` are its lifetime."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.listening = settings.read(QueryListening, env)
        redis = settings.read(settings.Redis, env)
        verification = settings.read(settings.Verification, env)
        stale_after_s = settings.read(Staleness, env).after_ms / 1000
        receipt_keys = settings.read(settings.ReceiptKeys, env).by_number
        self._verifier = TokenVerifier(verification.jwks_url)
        self._replica = ReplicaReader(settings.read(settings.Replica, env).url)
        self._redis = redis_client(redis.url)
        redis_reader = RedisReader(self._redis, redis.sources, stale_after_s)
        standings = StandingsReader(redis_reader, self._replica, redis.sources)
        ciphers = {number: ReceiptCipher(key) for number, key in receipt_keys.items()}
        seeds, events = SeedBox(verification.seed_key), EventDirectory(self._replica)
        self.events = EventsHandler(self._verifier, events, self._replica)
        self.results = ResultsHandler(self._verifier, events, standings)
        self.statuses = VoteStatusHandler(self._verifier, seeds, ciphers, self._replica, redis_reader)
        self.user_votes = UserVoteHandler(self._verifier, seeds, ciphers, events, self._replica)
        self.pages, self.viewers = PageHandler(load_files()), ViewerHandler()
        self._tasks: list[asyncio.Task[None]] = []

    async def why_not_ready(self) -> str:
        """The reason why no traffic should come here, or "" ; Redis is no reason, its absence only makes stale."""
        if not self._verifier.ready:
            return "no public keys yet"
        return await self._replica.why_not_ready()

    async def open(self, _app: Sanic[Any, Any]) -> None:
        """Start everything; waits for nothing."""
        await self._replica.open()
        self._tasks = [asyncio.create_task(self._verifier.run())]

    async def close(self, _app: Sanic[Any, Any]) -> None:
        """Let go of everything, after the last answer."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._replica.close()
        await self._redis.aclose()


def make_app(service: QueryService) -> Sanic[Any, Any]:
    """The Sanic app around the service."""
    app = make_service("query", service.why_not_ready)
    add_routes(
        app, service.events, service.results, service.statuses, service.user_votes, service.pages, service.viewers
    )
    app.before_server_start(service.open)
    app.after_server_stop(service.close)
    return app


def main() -> None:
    """Serve; exits with one line when a setting is wrong."""
    log_to_stderr("query")
    try:
        service = QueryService(os.environ)
    except settings.SettingError as error:
        sys.exit(f"query: {error}")
    serve(make_app(service), service.listening.host, service.listening.port)


if __name__ == "__main__":
    main()
