"""Hears of revoked sessions from identity's database: the list is read at the start, then at each NOTIFY.

    logout, erasure, a stolen refresh token ─► identity.revocations ─NOTIFY─► the list here ─► 401, streams end

So no vote asks anybody. It is looked at each second in any case, since a notification may be lost with its connection.
While the database is away the list stays as it is, and tokens end by their own time: it must never cost a vote.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from prometheus_client import Gauge

from contract import metric_names, path_patience, queries
from contract.backoff import Backoff
from contract.revocations import RevocationList

LOOK_EVERY_S = 1.0
ANSWER_WITHIN_S = 5.0
RECONNECT_S = (0.2, 2.0)
# A row becomes visible at its COMMIT, which may come after that of a later row: so each look goes back a little.
OVERLAP = timedelta(seconds=30)
ALL_AGAIN_S = 300.0  # for what took even longer

LISTED = Gauge(metric_names.REVOKED_SESSIONS, "Sessions and people whose access tokens are refused before they expire")
HEARD_UNIX = Gauge(
    metric_names.REVOCATIONS_HEARD_UNIX_SECONDS, "When the list of revoked sessions was last read, Unix seconds"
)

log = logging.getLogger(__name__)


class RevocationListener:
    """Keeps `listed` as it is in the database at `identity_url`; `run` is its background task.

    `on_revoked` is called with the ids that are new.
    """

    def __init__(
        self,
        identity_url: str,
        listed: RevocationList,
        on_revoked: Callable[[Collection[str]], None] = lambda _ids: None,
    ) -> None:
        self._url = identity_url
        self._listed = listed
        self._on_revoked = on_revoked
        self._sql = {name: sql.encode() for name, sql in queries.load("revocations.sql").items()}
        self.has_looked = False  # a process that has just started serves once it has read the list, or can't

    async def run(self) -> None:
        """Listen for ever."""
        backoff = Backoff(*RECONNECT_S)
        while True:
            try:
                await self._listen(backoff)
            except (psycopg.Error, TimeoutError, OSError) as error:
                if not backoff.failures:
                    log.warning("can't read which sessions are revoked, will repeat", extra={"reason": str(error)})
            self.has_looked = True
            await asyncio.sleep(backoff.next_s())

    async def _listen(self, backoff: Backoff) -> None:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, application_name="revocations", **path_patience.LIBPQ
            )
        async with connection:
            await connection.execute(self._sql["listen"])
            self._listed.forget_ended(time.time())
            since, all_again_at = datetime.min.replace(tzinfo=UTC), time.monotonic() + ALL_AGAIN_S
            while time.monotonic() < all_again_at:
                since = await self._look(connection, since)
                backoff.reset()
                async for _ in connection.notifies(timeout=LOOK_EVERY_S, stop_after=1):
                    pass

    async def _look(self, connection: psycopg.AsyncConnection[Any], since: datetime) -> datetime:
        """Take what was revoked since then; from when on the next look must go."""
        async with asyncio.timeout(ANSWER_WITHIN_S):
            rows = await (await connection.execute(self._sql["revoked_since"], {"since": since})).fetchall()
        new = self._listed.add({str(revoked_id): until for revoked_id, until, _ in rows})
        LISTED.set(len(self._listed))
        HEARD_UNIX.set_to_current_time()
        self.has_looked = True
        if new:
            self._on_revoked(new)
        return max(since, rows[-1][2] - OVERLAP) if rows else since
