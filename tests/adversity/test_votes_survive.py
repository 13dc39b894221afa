"""Whatever dies while votes are cast: what was acked is in the ledger, and the ledger has nothing that was not sent."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
from psycopg import sql

from ops.rig.database import Database
from ops.rig.event import Event, change_status, make_event
from ops.rig.eventually import eventually
from ops.rig.missing_standby import break_off_commit, standby_missing
from ops.rig.oracle import voters_in_ledger
from ops.rig.people import TokenMint, Voter
from ops.rig.postgres import RunningPostgres
from ops.rig.service import Service, command_process
from ops.rig.votes import submit, vote_of

VOTERS = 300


@pytest.fixture
def command(tmp_path: Path, database: Database, mint: TokenMint) -> Iterator[Service]:
    with command_process(tmp_path, database.url("vote_command"), mint) as process:
        yield process


class Audience:
    """Voters who vote once each, sixteen at a time, and go on until they have an answer."""

    def __init__(self, command: Service, mint: TokenMint, event: Event, size: int = VOTERS) -> None:
        self._command = command
        self._event = event
        self.voters = [mint.voter() for _ in range(size)]
        self.acked: dict[str, Voter] = {}  # by vote_id
        self.refused: list[tuple[int, dict[str, Any]]] = []
        self._seats = asyncio.Semaphore(16)
        self._progress = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def voting(self) -> AsyncIterator["Audience"]:
        """Everybody has an answer when this ends."""
        async with aiohttp.ClientSession(self._command.url) as session:
            tasks = [asyncio.create_task(self._vote(session, voter)) for voter in self.voters]
            yield self
            await asyncio.gather(*tasks)

    async def until_acked(self, votes: int) -> None:
        """Wait until so many votes are acked."""
        async with self._progress:
            await self._progress.wait_for(lambda: len(self.acked) >= votes)

    async def _vote(self, session: aiohttp.ClientSession, voter: Voter) -> None:
        async with self._seats:
            status, content = await submit(session, voter, vote_of(voter, self._event))
        async with self._progress:
            if status == 200:
                self.acked[content["vote_id"]] = voter
            else:
                self.refused.append((status, content))
            self._progress.notify_all()


def check(database: Database, event: Event, audience: Audience) -> None:
    """Acked ⊆ ledger ⊆ sent, and one receipt for each."""
    kept = voters_in_ledger(database, event)
    acked = {voter.pseudonym(event.event_no) for voter in audience.acked.values()}
    sent = {voter.pseudonym(event.event_no) for voter in audience.voters}
    assert acked <= kept <= sent
    assert len(acked) == len(audience.acked)


def open_event(database: Database) -> Event:
    with psycopg.connect(database.url(), autocommit=True) as connection:
        return make_event(connection)


async def test_postgres_killed_and_brought_back_under_load(
    command: Service, mint: TokenMint, database: Database, database_server: RunningPostgres
) -> None:
    """The postmaster is killed in mid-commit: voters are told to retry, and all of them end up with one vote."""
    event = open_event(database)
    async with Audience(command, mint, event).voting() as audience:
        await audience.until_acked(VOTERS // 4)
        await asyncio.to_thread(database_server.process.kill)
        await asyncio.to_thread(database_server.process.start)
    assert audience.refused == []
    check(database, event, audience)


async def test_a_backend_killed_under_load(command: Service, mint: TokenMint, database: Database) -> None:
    """The backend that commits is killed (kill -9) and makes Postgres recover; nobody's vote is lost or doubled."""
    event = open_event(database)
    async with Audience(command, mint, event).voting() as audience:
        await audience.until_acked(VOTERS // 4)
        with psycopg.connect(database.url()) as connection:
            row = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'vote_writer' LIMIT 1"
            ).fetchone()
        assert row
        os.kill(row[0], signal.SIGKILL)
    assert audience.refused == []
    check(database, event, audience)


async def test_one_vote_that_postgres_refuses_fails_alone(
    command: Service, mint: TokenMint, database: Database
) -> None:
    """A row that violates a constraint is split off its batch: its neighbours are acked, it is not."""
    event = open_event(database)
    audience = Audience(command, mint, event)
    poison = audience.voters[VOTERS // 2].pseudonym(event.event_no)
    with psycopg.connect(database.url(), autocommit=True) as admin:
        constraint = sql.SQL("ALTER TABLE {} ADD CHECK (voter <> {})")
        admin.execute(constraint.format(sql.Identifier(f"votes_e{event.event_no}"), sql.Literal(poison)))
    async with audience.voting():
        pass
    assert [status for status, _ in audience.refused] == [500]
    assert len(voters_in_ledger(database, event)) == VOTERS - 1


async def test_an_event_is_made_behind_a_long_reader_while_people_vote(
    command: Service, mint: TokenMint, database: Database
) -> None:
    """A transaction that reads votes for as long as it likes stops neither a new event nor a vote."""
    event = open_event(database)
    with psycopg.connect(database.url()) as reader:
        reader.execute("SELECT count(*) FROM votes")
        async with Audience(command, mint, event).voting() as audience:
            other = open_event(database)
            async with Audience(command, mint, other, 10).voting() as there:
                pass
        reader.rollback()
    assert (audience.refused, there.refused) == ([], [])


async def test_postgres_restarted_under_load(
    command: Service, mint: TokenMint, database: Database, database_server: RunningPostgres
) -> None:
    """A fast shutdown and a start need no restart of ours."""
    event = open_event(database)
    async with Audience(command, mint, event).voting() as audience:
        await audience.until_acked(VOTERS // 4)
        await asyncio.to_thread(database_server.process.stop)
        await asyncio.to_thread(database_server.process.start)
    assert audience.refused == []
    check(database, event, audience)


async def test_writers_backends_killed_under_load(command: Service, mint: TokenMint, database: Database) -> None:
    """Connections that end at any moment leave outcomes unknown; the same batch goes again."""
    event = open_event(database)
    kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'vote_writer'"
    with psycopg.connect(database.url(), autocommit=True) as connection:
        async with Audience(command, mint, event).voting() as audience:
            for acked in range(20, VOTERS, 20):
                await audience.until_acked(acked)
                connection.execute(kill)
    assert audience.refused == []
    check(database, event, audience)


async def test_the_command_process_told_to_stop_under_load(
    command: Service, mint: TokenMint, database: Database
) -> None:
    """SIGTERM: what was taken is answered after its COMMIT, the rest is not taken; what was acked is there."""
    event = open_event(database)
    audience = Audience(command, mint, event)
    with contextlib.suppress(aiohttp.ClientError):
        async with audience.voting():
            await audience.until_acked(VOTERS // 4)
            command.process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(command.process.wait)
    check(database, event, audience)


async def test_a_client_that_is_gone_before_the_answer_can_ask_again(
    command: Service, mint: TokenMint, database: Database
) -> None:
    """The vote of a client that hung up is not lost by that, and asking again gives its receipt."""
    event, voter = open_event(database), mint.voter()
    async with aiohttp.ClientSession(command.url) as session:
        await submit(session, mint.voter(), vote_of(voter, event))  # the process is ready when this is answered
        impatient = asyncio.create_task(submit(session, voter, vote_of(voter, event)))
        await asyncio.wait({impatient}, timeout=0.001)
        impatient.cancel()
        await asyncio.wait({impatient})
        status, content = await submit(session, voter, vote_of(voter, event))
    assert (status, content["vote_status"]) == (200, "acked")
    assert voters_in_ledger(database, event) == {voter.pseudonym(event.event_no)}


async def test_nothing_commits_after_the_answer_to_close(command: Service, mint: TokenMint, database: Database) -> None:
    """Thousands of votes race with the close, many times: the ledger at the answer is the ledger for ever."""
    for votes_before in range(100, 1000, 150):
        event = open_event(database)
        async with Audience(command, mint, event, 1000).voting() as audience:
            await audience.until_acked(votes_before)
            with psycopg.connect(database.url("vote_command"), autocommit=True) as connection:
                await asyncio.to_thread(change_status, connection, event.event_id, "close")
            at_the_answer = voters_in_ledger(database, event)
            late = mint.voter()
            async with aiohttp.ClientSession(command.url) as session:
                assert (await submit(session, late, vote_of(late, event)))[0] == 409
        assert voters_in_ledger(database, event) == at_the_answer
        assert {voter.pseudonym(event.event_no) for voter in audience.acked.values()} == at_the_answer


async def test_a_commit_that_no_standby_has_confirmed_is_never_acked(
    tmp_path: Path, mint: TokenMint, database: Database
) -> None:
    """Without its standby a vote is 503, and its retry too, even when the first COMMIT was broken off; then 200.

    Who can't commit isn't ready meanwhile, but alive.
    """
    event, voter = open_event(database), mint.voter()
    quick = {"VOTE_DEADLINE_MS": "700", "LOCK_TIMEOUT_MS": "200", "COMMIT_SILENCE_MS": "300", "WRITERS": "1"}
    with (
        psycopg.connect(database.url(), autocommit=True) as admin,
        command_process(tmp_path, database.url("vote_command"), mint, ("-m", "command"), 1, **quick) as command,
    ):
        async with aiohttp.ClientSession(command.url) as session:
            await submit(session, mint.voter(), vote_of(voter, event))  # ready
            with standby_missing(admin):
                first = await post_once(session, voter, event)
                await asyncio.to_thread(eventually, lambda: not command.is_ready(), "it says that it can't commit")
                async with session.get("/live") as alive:
                    assert alive.status == 200
                break_off_commit(admin)
                while not voters_in_ledger(database, event):
                    pass  # the broken-off commit makes the row visible, although no standby has it
                retry = await post_once(session, voter, event)
            last = await submit(session, voter, vote_of(voter, event))
            await asyncio.to_thread(eventually, command.is_ready, "it can commit again")
    assert (first, retry, last[0]) == (503, 503, 200)


async def post_once(session: aiohttp.ClientSession, voter: Voter, event: Event) -> int:
    async with session.post("/v1/vote/submit", json=vote_of(voter, event), headers=voter.headers) as response:
        return response.status
