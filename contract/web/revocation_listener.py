"""Hears of revoked sessions from identity's database: the list is read at the start, then what is new at each NOTIFY.

    logout, erasure, a stolen refresh token ─► identity.revocations ─NOTIFY─► the list here ─► 401, streams end

So no vote asks anybody. It is looked at each second in any case, since a notification may be lost with its connection.
A look begins with the oldest transaction that was under way at the look before: so it reads what is new and nothing
else, however late a COMMIT is. It reads a page at a time, and the event loop does other work in between.
While the database is away the list stays as it is, and tokens end by their own time: it must never cost a vote.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from typing import Any

import psycopg
from prometheus_client import Gauge

from contract import metric_names, path_patience, queries
from contract.backoff import Backoff
from contract.revocations import RevocationList

LOOK_EVERY_S = 1.0
GATHER_S = 0.02  # notified of one, it waits for others: a storm of logouts makes so many looks a second, not more
REST = 10  # times what a look took: behind a transaction that stays open each look begins with what is known already
ANSWER_WITHIN_S = 5.0
RECONNECT_S = (0.2, 2.0)
PAGE_ROWS = 1_000  # a few ms of the event loop
EVER, NOBODY = "0", "00000000-0000-0000-0000-000000000000"  # before the first transaction, and before the first id
ALL_AGAIN_S = 3600.0  # a connection may lead to a server that a failover has left behind

LISTED = Gauge(metric_names.REVOKED_SESSIONS, "Sessions and people whose access tokens are refused before they expire")
HEARD_UNIX = Gauge(
    metric_names.REVOCATIONS_HEARD_UNIX_SECONDS,
    "When the list of revoked sessions was last read, or else the process began to try, Unix seconds",
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
        HEARD_UNIX.set_to_current_time()  # one that is deaf from its start is missed like any other
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
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await connection.execute(self._sql["listen"])
            since, all_again_at = EVER, time.monotonic() + ALL_AGAIN_S
            while time.monotonic() < all_again_at:
                begun = time.monotonic()
                since = await self._look(connection, since)
                rest_s = max(GATHER_S, REST * (time.monotonic() - begun))
                backoff.reset()
                async for _ in connection.notifies(timeout=LOOK_EVERY_S, stop_after=1):
                    pass
                await asyncio.sleep(rest_s)

    async def _look(self, connection: psycopg.AsyncConnection[Any], since: str) -> str:
        """Take what transactions from this one on have revoked; from which on the next look must go."""
        self._listed.forget_ended(time.time())
        [(next_since,)] = await self._rows(connection, "horizon")
        place: tuple[str, str] | None = since, NOBODY
        while place:
            place = await self._page(connection, *place)
        self.has_looked = True
        return str(next_since)

    async def _page(self, connection: psycopg.AsyncConnection[Any], xact_id: str, after: str) -> tuple[str, str] | None:
        """Take a page; the transaction and the id after which the next one begins, None: it was the last."""
        rows = await self._rows(connection, "revoked_since", xact_id=xact_id, after=after, rows_max=PAGE_ROWS)
        new = self._listed.add({revoked_id: until for revoked_id, until, _ in rows})
        LISTED.set(len(self._listed))
        HEARD_UNIX.set_to_current_time()
        if new:
            self._on_revoked(new)
        if len(rows) < PAGE_ROWS:
            return None
        revoked_id, _, last = rows[-1]
        return last, revoked_id

    async def _rows(
        self, connection: psycopg.AsyncConnection[Any], name: str, **arguments: object
    ) -> list[tuple[Any, ...]]:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await (await connection.execute(self._sql[name], arguments)).fetchall()
