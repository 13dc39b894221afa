"""What staff and people are told is durable: a change that no standby has is never answered as done, nor its repeat."""

from pathlib import Path

import aiohttp
import psycopg

from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.identity_process import PERSON, identity_process
from ops.rig.missing_standby import break_off_commit, standby_missing
from ops.rig.people import TokenMint, Voter
from ops.rig.service import command_process


async def post(session: aiohttp.ClientSession, path: str, who: Voter) -> int:
    """The status of a POST without content."""
    async with session.post(path, json={}, headers=who.headers) as answer:
        return answer.status


async def test_a_close_that_no_standby_has_is_never_answered(
    tmp_path: Path, mint: TokenMint, database: Database
) -> None:
    """Without its standby a close is 503, and its repeat too, even when the first COMMIT was broken off; then 200."""
    host = mint.voter("host")
    with (
        psycopg.connect(database.url(), autocommit=True) as admin,
        command_process(tmp_path, database.url("vote_command"), mint, CHANGE_DEADLINE_MS="2500") as command,
    ):
        event = make_event(admin)
        close = f"/v1/event/{event.event_id}/close"
        async with aiohttp.ClientSession(command.url) as session:
            assert await post(session, f"/v1/event/{event.event_id}/open", host) == 200  # ready
            with standby_missing(admin):
                first = await post(session, close, host)
                break_off_commit(admin)
                row = admin.execute("SELECT status FROM events WHERE event_no = %s", [event.event_no]).fetchone()
                repeat = await post(session, close, host)
            last = await post(session, close, host)
    assert (first, row, repeat, last) == (503, ("closed",), 503, 200)


async def test_a_click_that_nobody_waits_for_is_carried_out(
    tmp_path: Path, mint: TokenMint, database: Database
) -> None:
    """A host whose browser goes away in the midst of a close has closed the event all the same."""
    host = mint.voter("host")
    with (
        psycopg.connect(database.url(), autocommit=True) as admin,
        command_process(tmp_path, database.url("vote_command"), mint) as command,
    ):
        event = make_event(admin)
        close = f"/v1/event/{event.event_id}/close"
        with standby_missing(admin):
            async with aiohttp.ClientSession(command.url, timeout=aiohttp.ClientTimeout(total=2)) as session:
                try:
                    await post(session, close, host)
                except TimeoutError:
                    pass
                else:
                    raise AssertionError("it was answered without the standby")
        async with aiohttp.ClientSession(command.url) as session:
            assert await post(session, close, host) == 200
        row = admin.execute("SELECT count(*) FROM audit_log WHERE action = 'event.close'").fetchone()
        assert row == (1,)


async def test_a_login_that_no_standby_has_is_never_answered(tmp_path: Path, identity_database: Database) -> None:
    """A session that could be lost with this server is no login."""
    with (
        psycopg.connect(identity_database.url(), autocommit=True) as admin,
        identity_process(tmp_path, identity_database.url("vote_identity")) as identity,
    ):
        login = {"username": PERSON["username"], "password": PERSON["password"]}
        headers = {"Authorization": f"Bearer {identity.client_token()}"}
        async with aiohttp.ClientSession(identity.url) as session:
            async with session.post("/v1/auth/register", json=PERSON, headers=headers) as answer:
                assert answer.status == 201
            with standby_missing(admin):
                async with session.post("/v1/auth/login", json=login) as answer:
                    assert answer.status == 503
            async with session.post("/v1/auth/login", json=login) as answer:
                assert answer.status == 200
