"""Hears of changes of events, whichever process makes them: what the voting path remembers of one is then read anew.

    a change ─► note_change() ─NOTIFY─► the directory here forgets the event ─► the next vote reads it

So a captcha that is switched on, or a contestant who is added, counts within moments. What may be cast isn't decided
here: that is the ledger's gate. While the connection is away something may be missed, so a new one forgets all.
"""

import asyncio
import logging
from uuid import UUID

import psycopg

from command.votes.voting_event_directory import VotingEventDirectory
from contract import path_patience, queries
from contract.backoff import Backoff

RECONNECT_S = (0.2, 2.0)
CONNECT_TIMEOUT_S = 3
LOOK_EVERY_S = 1.0
ANSWER_WITHIN_S = 5.0

log = logging.getLogger(__name__)


class ChangeListener:
    """Listens at the ledger's Postgres; `run` is its background task."""

    def __init__(self, database_url: str, events: VotingEventDirectory) -> None:
        self._url = database_url
        self._events = events
        self._sql = {name: text.encode() for name, text in queries.load("command.sql").items()}

    async def run(self) -> None:
        """Listen for ever."""
        backoff = Backoff(*RECONNECT_S)
        while True:
            try:
                await self._listen(backoff)
            except (psycopg.Error, TimeoutError, OSError) as error:
                if not backoff.failures:
                    log.warning("can't hear of changes of events, will repeat", extra={"reason": str(error)})
            await asyncio.sleep(backoff.next_s())

    async def _listen(self, backoff: Backoff) -> None:
        connection = await psycopg.AsyncConnection.connect(
            self._url,
            autocommit=True,
            application_name="changes",
            connect_timeout=CONNECT_TIMEOUT_S,
            target_session_attrs="read-write",  # after a failover: never the old primary
            **path_patience.LIBPQ,
        )
        async with connection:
            await connection.execute(self._sql["listen"])
            self._events.forget_all()
            while True:
                async for change in connection.notifies(timeout=LOOK_EVERY_S):
                    self._forget(change.payload)
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    await connection.execute(self._sql["connection_facts"])
                backoff.reset()

    def _forget(self, event_id: str) -> None:
        try:
            self._events.forget(UUID(event_id))
        except ValueError:  # any login may notify, of anything
            self._events.forget_all()
