"""What an operator does to the server while people vote: nothing is acked that might not last, or lies elsewhere."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import psycopg
import pytest
from psycopg import sql

from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.eventually import eventually
from ops.rig.people import TokenMint, Voter
from ops.rig.server_setting import server_setting
from ops.rig.service import Service, command_process
from ops.rig.votes import submit, vote_of

TERMINATE = """SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
    WHERE application_name = 'vote_writer' AND datname = current_database()"""


@pytest.fixture
def command(tmp_path: Path, database: Database, mint: TokenMint) -> Iterator[Service]:
    with command_process(tmp_path, database.url("vote_command"), mint, VOTE_DEADLINE_MS="700") as process:
        yield process


async def post_once(session: aiohttp.ClientSession, voter: Voter, event: Event) -> int:
    async with session.post("/v1/vote/submit", json=vote_of(voter, event), headers=voter.headers) as response:
        return response.status


def votes_in(connection: psycopg.Connection, event_no: int) -> set[bytes]:
    return {bytes(row[0]) for row in connection.execute("SELECT voter FROM votes WHERE event_no = %s", [event_no])}


async def test_synchronous_commit_that_is_switched_off_is_not_heeded(
    command: Service, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """Votes wait for the standby all the same: no ack at once, and none later."""
    event, voter = make_event(owner), mint.voter()
    async with aiohttp.ClientSession(command.url) as session:
        await submit(session, mint.voter(), vote_of(voter, event))  # ready
        with (
            server_setting(owner, "synchronous_commit", "off"),
            server_setting(owner, "synchronous_standby_names", "nobody"),
        ):
            assert await post_once(session, voter, event) == 503
        assert (await submit(session, voter, vote_of(voter, event)))[0] == 200


async def test_fsync_that_is_switched_off_stops_the_voting(
    command: Service, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """It can't be asked for by a connection, so each call looks: 503, and the reason in the log; then it goes on."""
    event, voter = make_event(owner), mint.voter()
    async with aiohttp.ClientSession(command.url) as session:
        await submit(session, mint.voter(), vote_of(voter, event))  # ready
        with server_setting(owner, "fsync", "off"):
            assert await post_once(session, voter, event) == 503
            command.process.wait_for("fsync is off")
            assert voter.pseudonym(event.event_no) not in votes_in(owner, event.event_no)
        assert (await submit(session, voter, vote_of(voter, event)))[0] == 200


async def test_a_server_that_takes_no_writes_is_left(
    command: Service, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """A connection that becomes read-only, or is made to such a server, isn't kept, and /ready says so."""
    event, voter = make_event(owner), mint.voter()
    database = sql.Identifier(owner.info.dbname)
    async with aiohttp.ClientSession(command.url) as session:
        await submit(session, mint.voter(), vote_of(voter, event))  # ready
        with server_setting(owner, "default_transaction_read_only", "on"):
            assert await post_once(session, voter, event) == 503
            eventually(lambda: not command.is_ready(), "a command process that can't write isn't ready")
        assert (await submit(session, voter, vote_of(voter, event)))[0] == 200
        owner.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(database))
        owner.execute(TERMINATE)
        eventually(lambda: not command.is_ready(), "a command process that could only read isn't ready")
        owner.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(database))
        eventually(command.is_ready, "it is ready again")


async def test_an_older_state_of_the_server_gives_an_event_another_number(
    command: Service, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """What was remembered of the event is read again: votes land in the event that they are for, or are 404."""
    event, other = make_event(owner), make_event(owner)
    early, late, nowhere = mint.voter(), mint.voter(), mint.voter()
    async with aiohttp.ClientSession(command.url) as session:
        assert (await submit(session, early, vote_of(early, event)))[0] == 200
        forget_id(owner, event.event_no)
        owner.execute("UPDATE events SET event_id = %s WHERE event_no = %s", [event.event_id, other.event_no])
        owner.cursor().executemany(
            "UPDATE contestants SET contestant_id = %s WHERE event_no = %s AND contestant_no = %s",
            [(each, other.event_no, number) for number, each in enumerate(event.contestants, start=1)],
        )
        assert (await submit(session, late, vote_of(late, event)))[0] == 200
        assert votes_in(owner, event.event_no) == {early.pseudonym(event.event_no)}
        assert votes_in(owner, other.event_no) == {late.pseudonym(other.event_no)}
        forget_id(owner, other.event_no)
        status, content = await submit(session, nowhere, vote_of(nowhere, event))
    assert (status, content["error"]["field"]) == (404, "event_id")


def forget_id(owner: psycopg.Connection, event_no: int) -> None:
    owner.execute("UPDATE events SET event_id = gen_random_uuid() WHERE event_no = %s", [event_no])
    owner.execute("UPDATE contestants SET contestant_id = gen_random_uuid() WHERE event_no = %s", [event_no])


async def test_a_silent_connection_holds_up_its_own_batch_only(
    tmp_path: Path, database: Database, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """While one batch gets no answer, other writers take the event's later votes."""
    event, stuck, others = make_event(owner), mint.voter(), [mint.voter() for _ in range(6)]
    with command_process(
        tmp_path,
        database.url("vote_command"),
        mint,
        LOCK_TIMEOUT_MS="0",
        BATCH_LATE_MS="100",
        VOTE_DEADLINE_MS="20000",
    ) as command:
        async with aiohttp.ClientSession(command.url) as session:
            await submit(session, others[0], vote_of(others[0], event))  # ready
            with psycopg.connect(database.url()) as holder:
                holder.execute(
                    "INSERT INTO votes (voted_at, event_no, contestant_no, voter, seal) VALUES (now(), %s, 1, %s, %s)",
                    [event.event_no, stuck.pseudonym(event.event_no), bytes(16)],
                )
                waiting = asyncio.create_task(post_once(session, stuck, event))
                await asyncio.to_thread(eventually, lambda: is_blocked(owner), "a batch waits")
                for voter in others[1:]:
                    assert await post_once(session, voter, event) == 200
                assert not waiting.done()
                holder.rollback()
                assert await waiting == 200
    assert len(votes_in(owner, event.event_no)) == 7


async def test_an_absent_standby_eats_no_connections(
    tmp_path: Path, database: Database, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """However long it is away, each writer keeps two places in Postgres at most; voting comes back by itself."""
    event, early, voter = make_event(owner), mint.voter(), mint.voter()
    with command_process(
        tmp_path,
        database.url("vote_command"),
        mint,
        WRITERS="2",
        COMMIT_SILENCE_MS="100",
        BATCH_LATE_MS="50",
        VOTE_DEADLINE_MS="250",
    ) as command:
        async with aiohttp.ClientSession(command.url) as session:
            await submit(session, early, vote_of(early, event))  # ready
            with server_setting(owner, "synchronous_standby_names", "nobody"):
                for _ in range(20):
                    assert await post_once(session, mint.voter(), event) == 503
                assert writers_of(owner) <= 4
            assert (await submit(session, voter, vote_of(voter, event)))[0] == 200
            await asyncio.to_thread(eventually, lambda: writers_of(owner) == 2, "what was left behind is closed")


def writers_of(owner: psycopg.Connection) -> int:
    """The backends of command's writers."""
    row = owner.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vote_writer' AND datname = current_database()"
    ).fetchone()
    assert row
    return int(row[0])


def is_blocked(owner: psycopg.Connection) -> bool:
    """Whether a writer's backend waits for another transaction."""
    query = "SELECT FROM pg_stat_activity WHERE application_name = 'vote_writer' AND wait_event = 'transactionid'"
    return bool(owner.execute(query).fetchall())


def test_fanout_and_auditors_find_a_connection_when_others_took_all(database: Database) -> None:
    """Some are reserved: whoever has used up the rest can't lock out those who count and check."""
    with contextlib.ExitStack() as taken:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                taken.enter_context(psycopg.connect(database.url("vote_command")))
        with pytest.raises(psycopg.OperationalError, match="reserved"):
            psycopg.connect(database.url("vote_command"))
        for role in ("vote_fanout", "vote_auditor"):
            with psycopg.connect(database.url(role)) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
