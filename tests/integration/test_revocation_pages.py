"""How a process reads the list of revoked sessions: by pages, and no more than it must."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Collection, Mapping

import psycopg
import pytest

from contract.revocations import RevocationList
from contract.web import revocation_listener
from contract.web.revocation_listener import RevocationListener
from ops.rig.database import Database
from ops.rig.eventually import PATIENCE_S

PAGE = 3
REVOKE = "INSERT INTO identity.revocations (revoked_id, expires_at) SELECT unnest(%s), now() + interval '1 hour'"


class Heard(RevocationList):
    """Remembers how many rows each page had, and says so."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: asyncio.Queue[int] = asyncio.Queue()

    def add(self, revoked: Mapping[str, float]) -> set[str]:
        """Counts them, too."""
        self.pages.put_nowait(len(revoked))
        return super().add(revoked)


@contextlib.asynccontextmanager
async def listening(url: str, heard: Heard) -> AsyncIterator[asyncio.Queue[Collection[str]]]:
    """What is new, as it is heard."""
    new: asyncio.Queue[Collection[str]] = asyncio.Queue()
    task = asyncio.create_task(RevocationListener(url, heard, new.put_nowait).run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield new
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_long_list_is_read_in_pages(
    identity_database: Database, people: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that a single transaction wrote; then only what is new is read, whenever it becomes visible."""
    monkeypatch.setattr(revocation_listener, "PAGE_ROWS", PAGE)
    at_once, early, late = [uuid.uuid4() for _ in range(10)], uuid.uuid4(), uuid.uuid4()
    people.execute(REVOKE, [at_once])
    heard = Heard()
    async with listening(identity_database.url("vote_command"), heard) as new:
        first = [await new.get() for _ in range(4)]
        assert set().union(*first) == set(map(str, at_once))
        assert [await heard.pages.get() for _ in range(4)] == [3, 3, 3, 1]
        with psycopg.connect(identity_database.url()) as slow:
            slow.execute(REVOKE, [[late]])
            people.execute(REVOKE, [[early]])
            assert await new.get() == {str(early)}
        assert await new.get() == {str(late)}
        while await heard.pages.get():
            pass  # until a look finds nothing to read
