"""The primary and its disk are lost while people vote: what backups and archived WAL give back, and what is shown."""

import asyncio
import contextlib
import datetime as dt
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import psycopg

from ops.rig.backups import Backups
from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.eventually import PATIENCE_S, eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.oracle import check_agreement, counts_in_redis, tally_in_redis, voters_in_ledger
from ops.rig.people import TokenMint
from ops.rig.postgres import RunningPostgres, postgres, postgres_in
from ops.rig.service import Service, command_process
from ops.rig.votes import submit, vote_of

AT_ONCE = 2
SOME = 30  # votes between one thing and the next


class Audience:
    """People who vote one after the other, each until the answer is definite: when each asked and was answered."""

    def __init__(self, mint: TokenMint, event: Event) -> None:
        self._mint = mint
        self._event = event
        self._acked_now = asyncio.Event()
        self.sent: dict[bytes, dt.datetime] = {}
        self.acked: dict[bytes, dt.datetime] = {}

    @contextlib.asynccontextmanager
    async def voting(self, command: Service) -> AsyncIterator[None]:
        """During the block."""
        tasks = [asyncio.create_task(self._vote(command)) for _ in range(AT_ONCE)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def some_more(self) -> None:
        """Return after some more acks."""
        goal = len(self.acked) + SOME
        async with asyncio.timeout(PATIENCE_S):
            while len(self.acked) < goal:
                self._acked_now.clear()
                await self._acked_now.wait()

    async def _vote(self, command: Service) -> None:
        async with aiohttp.ClientSession(command.url) as session:
            while True:
                voter = self._mint.voter()
                pseudonym = voter.pseudonym(self._event.event_no)
                self.sent[pseudonym] = dt.datetime.now(dt.UTC)
                status, body = await submit(session, voter, vote_of(voter, self._event))
                assert status == 200, body
                self.acked[pseudonym] = dt.datetime.now(dt.UTC)
                self._acked_now.set()


async def disaster(
    primary: RunningPostgres, command: Service, backups: Backups, audience: Audience, redis_url: str, event: Event
) -> dt.datetime:
    """The moment to which somebody will want to go back."""
    async with audience.voting(command):
        for kind in ("full", "incremental"):
            await audience.some_more()
            done = await asyncio.to_thread(backups.back_up)
            assert done.returncode == 0, done.stderr
            assert done.stdout.rstrip().endswith(kind), done.stdout
        await audience.some_more()
        moment = dt.datetime.now(dt.UTC)
        await audience.some_more()
        await asyncio.to_thread(check_shown_so_far, primary.database, redis_url, event)
        primary.process.kill()
    shutil.rmtree(primary.server.data)
    return moment


def check_shown_so_far(database: Database, redis_url: str, event: Event) -> None:
    """Redis has what is in the ledger now, or more."""
    there = len(voters_in_ledger(database, event))
    eventually(lambda: sum(counts_in_redis(redis_url, [event]).values()) >= there, "Redis is up to date")


def test_a_lost_disk(tmp_path: Path, mint: TokenMint, redis_url: str) -> None:
    """Two backups under load, a moment, more votes, and the files are gone: all acks come back, or that moment.

    Commits wait for the archive, as for a standby. What was acked before the moment is there then, what was sent after
    isn't; and Redis, which showed all of it, shows the ledger, in a new epoch, so that readers take the lower counts.
    Backups go on from there, beside those of the old history.
    """
    with postgres(tmp_path / "primary", "summarize_wal = on") as primary:
        backups = Backups(primary.database.url(), tmp_path / "backups")
        with psycopg.connect(primary.database.url(), autocommit=True) as owner:
            event = make_event(owner)
        with backups.receiver().running(), FanoutProcess(primary.database.url("vote_fanout"), redis_url).running():
            commits_wait(primary)
            with command_process(tmp_path, primary.database.url("vote_command"), mint) as command:
                audience = Audience(mint, event)
                moment = asyncio.run(disaster(primary, command, backups, audience, redis_url, event))
    check_latest(backups, audience, event, tmp_path / "latest")
    check_moment(backups, audience, event, moment, redis_url, tmp_path / "moment")


def commits_wait(primary: RunningPostgres) -> None:
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'vote_backup'")
    primary.execute("SELECT pg_reload_conf()")
    waits = "SELECT sync_state FROM pg_stat_replication WHERE application_name = 'vote_backup'"
    eventually(lambda: primary.execute(waits) == [("sync",)], "commits wait for the archive")


def check_latest(backups: Backups, audience: Audience, event: Event, folder: Path) -> None:
    """All that was acked, and of the rest only what was sent."""
    done = backups.restore("latest", folder)
    assert done.returncode == 0, done.stderr
    with postgres_in(folder) as server:
        assert audience.acked.keys() <= voters_in_ledger(server.database, event) <= audience.sent.keys()


def check_moment(
    backups: Backups, audience: Audience, event: Event, moment: dt.datetime, redis_url: str, folder: Path
) -> None:
    """What was so then, also on the screens."""
    acked_before = {voter for voter, at in audience.acked.items() if at < moment}
    sent_after = {voter for voter, at in audience.sent.items() if at > moment}
    shown = tally_in_redis(redis_url, event)
    assert shown
    assert sum(shown.counts.values()) > len(acked_before)
    done = backups.restore(moment.isoformat(), folder)
    assert done.returncode == 0, done.stderr
    with postgres_in(folder) as server:
        there = voters_in_ledger(server.database, event)
        assert acked_before <= there
        assert there & sent_after == set()
        with FanoutProcess(server.database.url("vote_fanout"), redis_url).running():
            check_agreement(server.database, redis_url, [event])
        tally = tally_in_redis(redis_url, event)
        assert tally
        assert tally.epoch > shown.epoch
        assert sum(tally.counts.values()) == len(there)
        check_backups_go_on(Backups(server.database.url(), backups.folder))


def check_backups_go_on(backups: Backups) -> None:
    """Of what changed since the last backup before the moment, in the new history."""
    with backups.receiver().running():
        made = backups.back_up()
    assert made.returncode == 0, made.stderr
    assert made.stdout.rstrip().endswith("incremental")
