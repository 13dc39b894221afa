"""The newest migrations are applied while people vote through a command process of today that runs before them."""

import asyncio
import threading
from pathlib import Path

import aiohttp
import psycopg

from command.settings import Commit
from contract import settings
from ops.migrate import LEDGER, LOCK_TIMEOUT_MS, migrate
from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.eventually import PATIENCE_S
from ops.rig.http_crowd import HttpCrowd
from ops.rig.old_ledger import old_ledger
from ops.rig.oracle import voters_in_ledger
from ops.rig.people import TokenMint
from ops.rig.service import command_process

OLD = "0028_sealed_rows.sql"  # the first that comes under load; 0029 asks for events, which every vote reads
VOTERS_AT_ONCE = 4


def test_a_migration_waits_for_less_than_a_vote() -> None:
    """A batch that queues behind one gets its turn long before it would be given up itself."""
    assert settings.read(Commit, {}).lock_timeout_ms >= LOCK_TIMEOUT_MS * 5


async def test_no_vote_is_lost_and_none_waits_for_a_lock_that_is_not_given(
    tmp_path: Path, database: Database, mint: TokenMint
) -> None:
    """While an open transaction keeps a migration from its lock, votes go on; then it is applied, and they still do."""
    waits = threading.Event()
    with old_ledger(database, OLD) as old, psycopg.connect(old.url(), autocommit=True) as owner:
        event = make_event(owner)
        with command_process(tmp_path, old.url("vote_command"), mint) as command:
            session = aiohttp.ClientSession(command.url)
            async with session, HttpCrowd(session, mint, event, VOTERS_AT_ONCE).voting() as crowd:
                await crowd.until(200, more=10)
                with psycopg.connect(old.url()) as report:
                    report.execute("SELECT FROM events")
                    applying = asyncio.create_task(
                        asyncio.to_thread(migrate, old.url(), LEDGER, tell=lambda _: waits.set())
                    )
                    assert await asyncio.to_thread(waits.wait, PATIENCE_S)
                    await crowd.until(200, more=30)
                    assert not applying.done()
                applied = await applying
                await crowd.until(200, more=10)
        voters = voters_in_ledger(old, event)
    assert set(crowd.answers) == {200}
    assert crowd.acked == voters
    assert len(crowd.receipts) == len(voters)
    assert [each.name for each in applied] == [path.name for path in sorted(LEDGER.glob("*.sql")) if path.name >= OLD]
