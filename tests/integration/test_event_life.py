"""The life of an event by HTTP: what a host may do when, that a repeat changes nothing, and what the log says."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import psycopg
import pytest
import redis
from msgspec import json, structs

from contract.position import parse_lsn
from contract.redis_keys import applied_key
from contract.seal import ballot_seal_of
from contract.settings import REHEARSAL_KEYS
from contract.standings import AppliedPosition
from ops.rig.database import Database
from ops.rig.desk import Desk, code_of, contestant, log_of
from ops.rig.event import find_event, make_event
from ops.rig.eventually import eventually
from ops.rig.people import SEAL_KEY, TokenMint
from ops.rig.service import Service, command_process
from ops.rig.votes import submit, vote_of


@pytest.fixture
async def command(tmp_path: Path, database: Database, mint: TokenMint) -> AsyncIterator[Service]:
    with command_process(tmp_path, database.url("vote_command"), mint, HEARING_WAIT_MS="0") as running:
        yield running


@pytest.fixture
async def desk(command: Service, mint: TokenMint) -> AsyncIterator[Desk]:
    async with aiohttp.ClientSession(command.url) as session:
        yield Desk(session, mint.voter("host"))


async def test_contestants_until_the_first_opening(desk: Desk, owner: psycopg.Connection) -> None:
    """They are added, changed, ordered and removed; nobody opens an event without them; afterwards they stand."""
    await desk.create()
    assert code_of(await desk.click("open")) == (409, "wrong_state")
    ada, bea, cleo = [(await desk.click("contestants", contestant(name)))[1] for name in ("Ada", "Bea", "Cleo")]
    assert code_of(await desk.click("contestants", contestant("\u0410da"))) == (400, "invalid_field")
    alike = await desk.ask("PATCH", f"/contestants/{bea['contestant_id']}", {"contestant_name": "ADA"})
    assert code_of(alike) == (400, "invalid_field")
    for _ in range(2):
        status, moved = await desk.ask("PATCH", f"/contestants/{cleo['contestant_id']}", {"order_no": 1, "party": "X"})
        assert (status, moved["order_no"], moved["party"]) == (200, 1, "X")
        assert await desk.ask("DELETE", f"/contestants/{ada['contestant_id']}") == (204, {})
    assert code_of(await desk.ask("DELETE", f"/contestants/{desk.event_id}")) == (404, "not_found")
    new = (await desk.click("contestants", contestant("Ada")))[1]
    assert code_of(await desk.ask("PUT", f"/contestants/{new['contestant_id']}", {})) == (405, "method_not_allowed")
    rows = owner.execute("SELECT contestant_name, contestant_no FROM contestants ORDER BY order_no").fetchall()
    assert rows == [("Cleo", 3), ("Bea", 2), ("Ada", 4)]
    assert (await desk.click("open"))[0] == 200
    for method, path in (("POST", ""), ("PATCH", f"/{new['contestant_id']}"), ("DELETE", f"/{new['contestant_id']}")):
        refused = await desk.ask(method, f"/contestants{path}", contestant("Dora") if method != "DELETE" else None)
        assert code_of(refused) == (409, "wrong_state")
    [(ballot, seal)] = owner.execute("SELECT ballot_of(event_no), ballot_seal FROM events").fetchall()
    assert seal == ballot_seal_of(SEAL_KEY, ballot)
    actions = [action for action, *_ in log_of(owner, desk.event_id)]
    added = ["event.contestant.add"] * 3
    changed = ["event.contestant.edit", "event.contestant.remove", "event.contestant.add"]
    assert actions == ["event.create", *added, *changed, "event.open"]


async def test_an_event_is_changed_until_it_is_over(desk: Desk, owner: psycopg.Connection) -> None:
    """Its name and opening until it opens, the rest until it closes; the log says what was before."""
    await desk.create(contestants=[contestant("Ada")])
    change = {"event_name": "Grand final", "opens_at": "2090-01-01T00:00:00Z", "theme": {"accent": "#ff0000"}}
    for _ in range(2):
        status, now = await desk.ask("PATCH", "", change)
        assert (status, now["status"], now["event_name"]) == (200, "scheduled", "Grand final")
        assert now["theme"] == change["theme"]
    early = await desk.ask("PATCH", "", {"closes_at": "2089-01-01T00:00:00Z"})
    assert (code_of(early), early[1]["error"]["field"]) == ((400, "invalid_field"), "closes_at")
    assert (await desk.ask("PATCH", "", {"opens_at": None}))[1]["status"] == "draft"
    await desk.click("open")
    assert code_of(await desk.ask("PATCH", "", {"event_name": "Other"})) == (409, "wrong_state")
    status, now = await desk.ask("PATCH", "", {"closes_at": "2090-01-01T00:00:00Z", "results_visibility": "staff"})
    assert (status, now["closes_at"]) == (200, "2090-01-01T00:00:00.000000Z")
    await desk.click("close")
    assert code_of(await desk.ask("PATCH", "", {"captcha": True})) == (409, "wrong_state")
    edits = [entry[1:] for entry in log_of(owner, desk.event_id) if entry[0] == "event.edit"]
    assert [role for role, *_ in edits] == ["host"] * 3
    assert (edits[0][1]["event_name"], edits[0][2]["event_name"]) == ("Final", "Grand final")
    assert edits[2][1] == {"closes_at": None, "results_visibility": "public"}
    rises = owner.execute("SELECT change_no FROM events").fetchone()
    assert rises == (len(log_of(owner, desk.event_id)),)


async def test_cues_on_air(desk: Desk, mint: TokenMint, owner: psycopg.Connection) -> None:
    """Pause, resume, freeze, close and reveal: what is allowed when, and a vote that comes again after a pause."""
    await desk.create(contestants=[contestant("Ada"), contestant("Bea"), contestant("Cleo")])
    for wrong in ("pause", "resume", "freeze", "reveal", "close"):
        assert code_of(await desk.click(wrong)) == (409, "wrong_state")
    await desk.click("open")
    assert (await desk.click("pause"))[1]["status"] == "paused"
    assert code_of(await desk.click("open")) == (409, "wrong_state")
    event, voter = find_event(owner, desk.event_id), mint.voter()
    status, refused = await submit(desk.session, voter, vote_of(voter, event))
    assert (status, refused["error"]["code"], refused["vote_status"]) == (409, "event_not_open", "rejected")
    assert (await desk.click("resume"))[1]["status"] == "open"
    status, acked = await submit(desk.session, voter, vote_of(voter, event))
    assert (status, acked["vote_id"] != refused["vote_id"]) == (200, True)
    status, frozen = await desk.click("freeze")
    assert (status, frozen["display"]) == (200, "frozen")
    assert (await desk.click("unfreeze"))[1]["display"] == "live"
    await desk.click("freeze")
    assert code_of(await desk.click("reveal")) == (409, "wrong_state")
    await desk.click("pause")
    await desk.click("close")
    assert (await desk.click("reveal", {"places": 2}))[1]["revealed"] == 2
    assert code_of(await desk.click("reveal", {"places": 1})) == (409, "wrong_state")
    assert code_of(await desk.click("reveal", {"places": 0})) == (400, "invalid_field")
    assert (await desk.click("reveal"))[1]["revealed"] == 3
    assert owner.execute("SELECT frozen, revealed FROM events").fetchone() == (False, 3)
    assert code_of(await desk.click("freeze")) == (409, "wrong_state")
    assert code_of(await desk.click("cancel")) == (409, "wrong_state")
    actions = [action.removeprefix("event.") for action, *_ in log_of(owner, desk.event_id)]
    shown = ["freeze", "unfreeze", "freeze", "pause", "close", "reveal", "reveal"]
    assert actions == ["create", "open", "pause", "resume", *shown]


async def test_a_click_whose_answer_was_lost_undoes_nobody(desk: Desk) -> None:
    """It comes again with its key after another host has clicked: nothing changes, and the answer is what is so now."""
    await desk.create(contestants=[contestant("Ada")])
    for before, first, then, is_so in (("open", "pause", "resume", "open"), ("freeze", "unfreeze", "freeze", "frozen")):
        await desk.click(before)
        assert (await desk.ask("POST", f"/{first}", **{"Idempotency-Key": first}))[0] == 200
        await desk.click(then)
        status, content = await desk.ask("POST", f"/{first}", **{"Idempotency-Key": first})
        assert (status, content.get("status", content.get("display"))) == (200, is_so)
    assert code_of(await desk.ask("POST", "/pause", **{"Idempotency-Key": "unfreeze"})) == (409, "taken")


async def test_a_rehearsal_is_made_anew(desk: Desk, mint: TokenMint, owner: psycopg.Connection) -> None:
    """By one click, also the second time; its receipts are under keys that no real event has; its copy may be real."""
    await desk.create(contestants=[contestant("Ada")], rehearsal=True, two_person=True)
    rehearsal = desk.event_id
    await desk.click("open")
    event, voter = find_event(owner, rehearsal), mint.voter()
    assert (await submit(desk.session, voter, vote_of(voter, event)))[0] == 200
    status, anew = await desk.click("reset")
    assert (status, anew["event_id"] != rehearsal) == (200, True)
    _, real = await desk.ask("POST", "/duplicate", {"rehearsal": False})
    rows = owner.execute("SELECT event_id::text, (status, rehearsal, key_no)::text FROM events").fetchall()
    assert {str(event_id): facts for event_id, facts in rows} == {
        rehearsal: f"(cancelled,t,{REHEARSAL_KEYS + 1})",
        anew["event_id"]: f"(draft,t,{REHEARSAL_KEYS + 1})",
        real["event_id"]: "(draft,f,1)",
    }
    desk.event_id = real["event_id"]
    assert code_of(await desk.click("reset")) == (409, "wrong_state")


async def test_rounds(desk: Desk, owner: psycopg.Connection) -> None:
    """The next round is made of those who go on, in their order, once for each key, and only after the close."""
    made = await desk.create(contestants=[contestant(name) for name in ("Ada", "Bea", "Cleo")])
    ada, _, cleo = [each["contestant_id"] for each in made["contestants"]]
    wanted = {"contestant_ids": [cleo, ada], "event_name": "Round 2"}
    await desk.click("open")
    assert code_of(await desk.ask("POST", "/next-round", wanted)) == (409, "wrong_state")
    await desk.click("close")
    unknown = {**wanted, "contestant_ids": [desk.event_id]}
    assert code_of(await desk.ask("POST", "/next-round", unknown)) == (404, "not_found")
    twice = {**wanted, "contestant_ids": [ada, ada]}
    assert code_of(await desk.ask("POST", "/next-round", twice)) == (400, "invalid_field")
    assert code_of(await desk.click("reveal")) == (409, "wrong_state")  # nothing is held back
    rounds = [await desk.ask("POST", "/next-round", wanted, **{"Idempotency-Key": "once"}) for _ in range(2)]
    assert rounds[0] == rounds[1]
    assert [each["contestant_name"] for each in rounds[0][1]["contestants"]] == ["Cleo", "Ada"]
    taken = await desk.ask("POST", "/duplicate", {}, **{"Idempotency-Key": "once"})
    assert code_of(taken) == (409, "taken")
    rows = owner.execute("SELECT event_name, status, previous_event_id::text FROM events ORDER BY event_no").fetchall()
    assert rows == [("Final", "closed", None), ("Round 2", "draft", desk.event_id)]


async def test_other_processes_hear_of_a_change(
    desk: Desk, tmp_path: Path, database: Database, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """What one process remembers of an event ends when another one changes it; meanwhile the gate decides."""
    event, voter = make_event(owner), mint.voter()
    draft = make_event(owner, "draft", contestants=3, expected_votes=1)
    (tmp_path / "other").mkdir()
    with command_process(tmp_path / "other", database.url("vote_command"), mint) as other:
        async with aiohttp.ClientSession(other.url) as session:
            assert (await submit(session, voter, vote_of(voter, event)))[0] == 200
            desk.event_id = event.event_id
            assert (await desk.ask("PATCH", "", {"captcha": True}))[0] == 200
            while "error" not in (answered := (await submit(session, late := mint.voter(), vote_of(late, event)))[1]):
                pass  # the test's own time limit ends it
            assert answered["error"]["code"] == "captcha_required"

            assert (await submit(session, voter, vote_of(voter, draft)))[0] == 409
            desk.event_id = draft.event_id
            await desk.ask("DELETE", f"/contestants/{draft.contestants[2]}")
            _, added = await desk.ask("POST", "/contestants", contestant("Ada"))
            await desk.ask("POST", "/open")
            assert code_of(await submit(session, late, vote_of(late, draft, 2))) == (404, "not_found")
            vote = {**vote_of(voter, draft), "contestant_id": added["contestant_id"]}
            while (await submit(session, voter, vote))[0] != 200:
                pass
            assert owner.execute(
                "SELECT contestant_no FROM votes WHERE event_no = %s", [draft.event_no]
            ).fetchall() == [(4,)]


async def test_an_answer_that_hides_something_waits_for_readers(
    tmp_path: Path, database: Database, redis_url: str, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """A freeze is answered when fanout has read beyond it in this history; what shows more is answered at once."""
    event, url = make_event(owner), database.url("vote_command")
    with command_process(tmp_path, url, mint, HEARING_WAIT_MS="600000", REDIS_URL=redis_url) as running:
        async with aiohttp.ClientSession(running.url) as session:
            desk = Desk(session, mint.voter("host"), event.event_id)
            assert (await desk.ask("PATCH", "", {"results_visibility": "public"}))[0] == 200
            freezing = asyncio.create_task(desk.ask("POST", "/freeze"))
            await asyncio.to_thread(eventually, lambda: is_frozen(owner), "the event is frozen")
            with psycopg.connect(database.url(), replication="database") as replication:
                row = replication.execute("IDENTIFY_SYSTEM").fetchone()
            assert row
            here = AppliedPosition(int(row[0]), timeline=int(row[1]), lsn=parse_lsn(row[2]) + 1, at=1.0)
            restored = structs.replace(here, timeline=here.timeline - 1, lsn=2 * here.lsn)
            with redis.Redis.from_url(redis_url) as client:
                for elsewhere in (restored, structs.replace(here, system_id=1), structs.replace(here, at=0)):
                    client.set(applied_key("main"), json.encode(elsewhere))
                    await asyncio.to_thread(await_reads, client, 2)
                    assert not freezing.done()
                client.set(applied_key("main"), json.encode(here))
            assert (await freezing)[0] == 200


def await_reads(client: redis.Redis, more: int) -> None:
    """Return when somebody has read so many more keys in this Redis."""

    def reads() -> int:
        return int(client.info("commandstats").get("cmdstat_get", {"calls": 0})["calls"])

    before = reads()
    eventually(lambda: reads() >= before + more, "somebody reads")


def is_frozen(owner: psycopg.Connection) -> bool:
    """Whether the one event is."""
    return owner.execute("SELECT frozen FROM events").fetchone() == (True,)
