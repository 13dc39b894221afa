"""The command process: opens its connections, starts its writers, serves until SIGTERM, drains.

python -m command
"""

import asyncio
import contextlib
import os
import sys
from typing import Any

from sanic import Sanic

from command.event_pool import event_pool
from command.events.event_handler import EventHandler
from command.events.event_schedule import run_schedule
from command.routes import add_routes
from command.settings import Batching, CommandListening
from command.votes.ballot_directory import BallotDirectory
from command.votes.vote_batcher import VoteBatcher
from command.votes.vote_handler import VoteHandler
from command.votes.vote_writer import VoteWriter
from contract import settings
from contract.telemetry import log_to_stderr
from contract.tokens import SeedBox
from contract.vote_id import ReceiptCipher
from contract.web.service import make_service, serve
from contract.web.token_verifier import TokenVerifier

DRAIN_S = 8


class CommandService:
    """Everything that this process holds; `open` and `close` are its lifetime."""

    def __init__(self, env: dict[str, str]) -> None:
        self.listening = settings.read(CommandListening, env)
        database_url = settings.read(settings.Primary, env).url
        verification = settings.read(settings.Verification, env)
        batching = settings.read(Batching, env)
        receipt_keys = settings.read(settings.ReceiptKeys, env).by_number
        seal_keys = settings.read(settings.SealKeys, env).by_number
        self._verifier = TokenVerifier(verification.jwks_url)
        self._batcher = VoteBatcher(batching.queue_votes_max, batching.batch_votes_max)
        self._writers = [
            VoteWriter(database_url, self._batcher, seal_keys, batching.lock_timeout_ms)
            for _ in range(batching.writers)
        ]
        self._event_pool = event_pool(database_url)
        self.votes = VoteHandler(
            self._verifier,
            SeedBox(verification.seed_key),
            BallotDirectory(self._event_pool, batching.events_max),
            self._batcher,
            {number: ReceiptCipher(key) for number, key in receipt_keys.items()},
            seal_keys,
            batching.deadline_ms,
        )
        self.events = EventHandler(self._verifier, self._event_pool, max(seal_keys))
        self._tasks: list[asyncio.Task[None]] = []

    async def why_not_ready(self) -> str:
        """The reason why no traffic should come here, or "" ."""
        if not self._verifier.ready:
            return "no public keys yet"
        return "" if any(writer.connected for writer in self._writers) else "no connection to Postgres"

    async def open(self, _app: Sanic[Any, Any]) -> None:
        """Start everything; waits for nothing, since Postgres may come later."""
        await self._event_pool.open(wait=False)
        work = [self._verifier.run(), run_schedule(self._event_pool), *(writer.run() for writer in self._writers)]
        self._tasks = [asyncio.create_task(each) for each in work]

    async def close(self, _app: Sanic[Any, Any]) -> None:
        """Answer what was taken, then let go; what can't be made durable in time is answered 503 by its deadline."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._batcher.drained(), DRAIN_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._event_pool.close()


def make_app(service: CommandService) -> Sanic[Any, Any]:
    """The Sanic app around the service."""
    app = make_service("command", service.why_not_ready)
    add_routes(app, service.votes, service.events)
    app.before_server_start(service.open)
    app.after_server_stop(service.close)
    return app


def main() -> int:
    """Serve; exit code 2 with one line when a setting is wrong."""
    log_to_stderr("command")
    try:
        service = CommandService(dict(os.environ))
    except settings.SettingError as error:
        print(f"command: {error}", file=sys.stderr)
        return 2
    serve(make_app(service), service.listening.host, service.listening.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
