"""The primary is lost while people vote, and its synchronous standby takes over: no acked vote is missing."""

import asyncio
from pathlib import Path

import aiohttp
import psycopg

from ops.rig.event import Event, make_event
from ops.rig.eventually import eventually
from ops.rig.oracle import voters_in_ledger
from ops.rig.people import TokenMint, Voter
from ops.rig.postgres import RunningPostgres, postgres, standby_of
from ops.rig.service import Service, command_process
from ops.rig.votes import submit, vote_of

VOTERS, ACKED_BEFORE = 400, 100
AT_ONCE = 20


class Audience:
    """People who vote one after the other, some at once, each until the answer is definite."""

    def __init__(self, mint: TokenMint, event: Event) -> None:
        self._event = event
        self._waiting = [mint.voter() for _ in range(VOTERS)]
        self.acked: set[bytes] = set()
        self.many_acked = asyncio.Event()

    async def vote(self, command: Service) -> None:
        """Until all have voted."""
        async with aiohttp.ClientSession(command.url) as session, asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._vote(session))

    async def _vote(self, session: aiohttp.ClientSession) -> None:
        while self._waiting:
            voter: Voter = self._waiting.pop()
            status, body = await submit(session, voter, vote_of(voter, self._event))
            assert status == 200, body
            self.acked.add(voter.pseudonym(self._event.event_no))
            if len(self.acked) >= ACKED_BEFORE:
                self.many_acked.set()


def commits_wait(primary: RunningPostgres) -> None:
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'walreceiver'")
    primary.execute("SELECT pg_reload_conf()")
    waits = "SELECT sync_state FROM pg_stat_replication"
    eventually(lambda: primary.execute(waits) == [("sync",)], "commits wait for the standby")


async def test_a_synchronous_standby_has_what_was_acked(tmp_path: Path, mint: TokenMint) -> None:
    """Killed under load, promoted, found by command itself: all who were acked before and after are in the ledger."""
    with (
        postgres(tmp_path / "primary") as primary,
        standby_of(primary, tmp_path / "standby", "standby") as standby,
    ):
        with psycopg.connect(primary.database.url(), autocommit=True) as owner:
            event = make_event(owner)
        commits_wait(primary)
        # libpq's way to name two servers: the one that takes writes is meant, whichever it is.
        second = standby.database.url().rpartition("@")[2].partition("/")[0]
        url = primary.database.url("vote_command").replace("/postgres", f",{second}/postgres")
        people_url = standby.database.identity.url("vote_command")
        with command_process(tmp_path, url, mint, IDENTITY_DATABASE_URL=people_url) as command:
            audience = Audience(mint, event)
            voting = asyncio.create_task(audience.vote(command))
            await audience.many_acked.wait()
            primary.process.kill()
            acked_before = set(audience.acked)
            standby.execute("SELECT pg_promote()")
            assert acked_before <= voters_in_ledger(standby.database, event)
            await voting
        assert len(audience.acked) == VOTERS
        assert voters_in_ledger(standby.database, event) == audience.acked
