"""Clicks that meet: two hosts, a host and the schedule, hosts and votes. Each many times, on real servers."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import psycopg
import pytest

from contract.seal import ballot_seal_of
from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.eventually import eventually
from ops.rig.http_crowd import HttpCrowd
from ops.rig.people import SEAL_KEY, TokenMint, Voter
from ops.rig.service import command_process

EVENTS = 12
PAUSES = 8
VOTERS_AT_ONCE = 12


@pytest.fixture
async def session(tmp_path: Path, database: Database, mint: TokenMint) -> AsyncIterator[aiohttp.ClientSession]:
    with command_process(tmp_path, database.url("vote_command"), mint) as command:
        async with aiohttp.ClientSession(command.url, connector=aiohttp.TCPConnector(limit=0)) as opened:
            yield opened


async def ask(session: aiohttp.ClientSession, host: Voter, method: str, path: str, body: object = None) -> int:
    """The status, once it isn't 503 any more, as clients are told to do."""
    while True:
        async with session.request(method, f"/v1/event/{path}", json=body, headers=host.headers) as answer:
            if answer.status != 503:
                return answer.status


async def test_two_hosts_at_once(session: aiohttp.ClientSession, mint: TokenMint, owner: psycopg.Connection) -> None:
    """One opens while the other closes, or both do the same: an order that the log tells, and no other."""
    hosts = mint.voter("host"), mint.voter("admin")
    for number in range(EVENTS):
        event = make_event(owner, "draft", expected_votes=1)
        actions = ("open", "close") if number % 2 else ("open", "open")
        paths = [f"{event.event_id}/{action}" for action in actions]
        statuses = await asyncio.gather(
            *(ask(session, *each) for each in zip(hosts, ("POST", "POST"), paths, strict=True))
        )
        row = owner.execute(
            "SELECT status, (SELECT array_agg(action ORDER BY audit_no) FROM audit_log a WHERE a.event_id = e.event_id)"
            " FROM events e WHERE event_no = %s",
            [event.event_no],
        ).fetchone()
        steps = ["event.create", "event.open", *(["event.close"] if number % 2 and statuses == [200, 200] else [])]
        assert statuses in ([200, 200], [200, 409])
        assert row == ("closed" if "event.close" in steps else "open", steps)


async def test_contestants_change_while_an_event_opens(
    session: aiohttp.ClientSession, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """What was opened is what was sealed: a change came before it, or was refused."""
    host, other = mint.voter("host"), mint.voter("admin")
    for _ in range(EVENTS):
        event = make_event(owner, "draft", contestants=3, expected_votes=1)
        one, two, _ = (f"{event.event_id}/contestants/{each}" for each in event.contestants)
        statuses = await asyncio.gather(
            ask(session, host, "PATCH", one, {"contestant_name": "Other"}),
            ask(session, host, "POST", f"{event.event_id}/open"),
            ask(session, other, "DELETE", two),
        )
        [(ballot, seal, names)] = owner.execute(
            "SELECT ballot_of(event_no), ballot_seal,"
            " (SELECT count(*) FROM contestants c WHERE c.event_no = e.event_no) FROM events e WHERE event_no = %s",
            [event.event_no],
        ).fetchall()
        assert statuses[1] == 200
        assert seal == ballot_seal_of(SEAL_KEY, ballot)
        assert (statuses[0] == 200) == ("Other" in ballot)
        assert (statuses[2] == 204) == (names == 2)


async def test_a_schedule_closes_while_votes_stream_in(
    session: aiohttp.ClientSession, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """It closes a paused event, too. No vote is from after the hour, and each that was acked is there."""
    host, event, paused = mint.voter("host"), make_event(owner), make_event(owner, expected_votes=1)
    assert await ask(session, host, "POST", f"{paused.event_id}/pause") == 200
    async with HttpCrowd(session, mint, event, VOTERS_AT_ONCE).voting() as crowd:
        await crowd.until(200, more=30)
        owner.execute("UPDATE events SET closes_at = clock_timestamp() + interval '0.5 s'")
        await crowd.until(409, more=30)
    await asyncio.to_thread(eventually, lambda: statuses_of(owner) == {"closed"}, "the schedule closes both")
    row = owner.execute(
        "SELECT count(*), bool_and(voted_at < least(closes_at, status_at)) FROM votes JOIN events USING (event_no)"
    ).fetchone()
    assert row == (crowd.answers[200], True)


def statuses_of(owner: psycopg.Connection) -> set[str]:
    return {str(status) for (status,) in owner.execute("SELECT status FROM events")}


async def test_pauses_under_load(session: aiohttp.ClientSession, mint: TokenMint, owner: psycopg.Connection) -> None:
    """No vote is from inside a pause, by the times in the log, and who was refused in one votes after it."""
    host, event = mint.voter("host"), make_event(owner)
    async with HttpCrowd(session, mint, event, VOTERS_AT_ONCE).voting() as crowd:
        for _ in range(PAUSES):
            await crowd.until(200, more=VOTERS_AT_ONCE)
            assert await ask(session, host, "POST", f"{event.event_id}/pause") == 200
            votes = count_of(owner)
            await crowd.until(409, more=VOTERS_AT_ONCE)
            assert count_of(owner) == votes
            assert await ask(session, host, "POST", f"{event.event_id}/resume") == 200
        await crowd.until(200, more=VOTERS_AT_ONCE)
    times = [at for (at,) in owner.execute("SELECT at FROM audit_log WHERE action ~ 'pause|resume' ORDER BY audit_no")]
    assert len(times) == 2 * PAUSES
    voted = [at for (at,) in owner.execute("SELECT voted_at FROM votes")]
    pauses = list(zip(times[::2], times[1::2], strict=True))
    assert [at for at in voted if any(begun <= at < ended for begun, ended in pauses)] == []
    assert len(voted) == crowd.answers[200]
    assert set(crowd.answers) == {200, 409}


def count_of(owner: psycopg.Connection) -> int:
    """The votes in the ledger."""
    row = owner.execute("SELECT count(*) FROM votes").fetchone()
    assert row
    return int(row[0])
