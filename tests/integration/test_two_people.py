"""What can't be undone, by HTTP: a cancel after the opening, a closed round declared void; by two people if so set."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import psycopg
import pytest

from ops.rig.database import Database
from ops.rig.desk import Desk, code_of, contestant, log_of
from ops.rig.event import find_event
from ops.rig.people import TokenMint
from ops.rig.service import command_process
from ops.rig.votes import submit, vote_of


@pytest.fixture
async def desk(tmp_path: Path, database: Database, mint: TokenMint) -> AsyncIterator[Desk]:
    with command_process(tmp_path, database.url("vote_command"), mint, HEARING_WAIT_MS="0") as running:
        async with aiohttp.ClientSession(running.url) as session:
            yield Desk(session, mint.voter("host"))


async def test_two_people_cancel_what_has_opened(desk: Desk, mint: TokenMint, owner: psycopg.Connection) -> None:
    """One asks, which changes nothing; another one confirms, within minutes; never the same one."""
    other = Desk(desk.session, mint.voter("admin"))
    await desk.create(contestants=[contestant("Ada")], two_person=True)
    assert (await desk.click("cancel"))[1]["status"] == "cancelled"  # nobody has seen the draft
    await desk.create(contestants=[contestant("Ada")], two_person=True)
    other.event_id, confirmed = desk.event_id, {"action": "cancel"}
    await desk.click("open")
    assert code_of(await other.click("confirm", confirmed)) == (409, "needs_confirmation")
    status, asked = await desk.click("cancel")
    assert (status, asked["needs_confirmation"]) == (202, True)
    assert code_of(await desk.click("confirm", confirmed)) == (403, "forbidden")
    owner.execute("UPDATE confirmations SET expires_at = now()")
    assert code_of(await other.click("confirm", confirmed)) == (409, "needs_confirmation")
    assert owner.execute("SELECT status FROM events ORDER BY event_no DESC").fetchone() == ("open",)
    assert (await desk.click("cancel"))[0] == 202
    status, done = await other.click("confirm", confirmed)
    assert (status, done["status"]) == (200, "cancelled")
    *_, (action, role, before, after) = log_of(owner, desk.event_id)
    assert (action, role, before) == ("event.cancel", "admin", {"status": "open"})
    assert after == {"status": "cancelled", "asked_by": desk.host.user_id}


async def test_a_closed_round_is_declared_void(desk: Desk, mint: TokenMint, owner: psycopg.Connection) -> None:
    """For a reason, once, for good; its votes and the time of its close stay, and it leads to no next round."""
    await desk.create(contestants=[contestant("Ada")])
    await desk.click("open")
    event, voter = find_event(owner, desk.event_id), mint.voter()
    _, acked = await submit(desk.session, voter, vote_of(voter, event))
    assert code_of(await desk.click("void", {"reason": "too early"})) == (409, "wrong_state")
    _, closed = await desk.click("close")
    assert code_of(await desk.click("void", {})) == (400, "missing_field")
    assert code_of(await desk.click("void", {"reason": " \u200b"})) == (400, "invalid_field")
    status, void = await desk.click("void", {"reason": "a line was dead"})
    assert (status, void["status"]) == (200, "cancelled")
    assert await desk.click("void", {"reason": "another one"}) == (200, void)
    assert (await submit(desk.session, voter, vote_of(voter, event))) == (200, acked)  # as it was
    for wrong in ("close", "open", "reveal"):
        assert code_of(await desk.click(wrong)) == (409, "wrong_state")
    kept = owner.execute("SELECT void_reason, rfc3339(closed_at), (SELECT count(*) FROM votes) FROM events").fetchone()
    assert kept == ("a line was dead", closed["at"], 1)
    *_, (action, _, before, after) = log_of(owner, desk.event_id)
    assert (action, before) == ("event.void", {"status": "closed"})
    assert after == {"status": "cancelled", "reason": "a line was dead"}
    await desk.create(contestants=[contestant("Ada")])
    await desk.click("cancel")
    assert code_of(await desk.click("void", {"reason": "it has no result"})) == (409, "wrong_state")


async def test_two_people_declare_a_round_void(desk: Desk, mint: TokenMint, owner: psycopg.Connection) -> None:
    """What was asked before the close, to cancel, is nothing that a confirmation can do after it."""
    other = Desk(desk.session, mint.voter("admin"))
    await desk.create(contestants=[contestant("Ada")], two_person=True)
    other.event_id = desk.event_id
    await desk.click("open")
    await desk.click("cancel")
    await desk.click("close")
    assert code_of(await other.click("confirm", {"action": "cancel"})) == (409, "wrong_state")
    assert code_of(await other.click("confirm", {"action": "void"})) == (409, "needs_confirmation")
    status, asked = await desk.click("void", {"reason": "a line was dead"})
    assert (status, asked["needs_confirmation"]) == (202, True)
    assert owner.execute("SELECT status FROM events").fetchone() == ("closed",)
    assert code_of(await desk.click("confirm", {"action": "void"})) == (403, "forbidden")
    status, done = await other.click("confirm", {"action": "void"})
    assert (status, done["status"]) == (200, "cancelled")
    *_, first, second = log_of(owner, desk.event_id)
    assert first[:3] == ("event.void.asked", "host", None)
    assert first[3] == {"expires_at": first[3]["expires_at"], "reason": "a line was dead"}
    after = {"status": "cancelled", "asked_by": desk.host.user_id, "reason": "a line was dead"}
    assert second == ("event.void", "admin", {"status": "closed"}, after)
