"""What an event is, read over HTTP: one, and pages of them."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.people import TokenMint
from ops.rig.service import Service, read_process
from ops.rig.tallies import Tallies
from query.reads.event_pages import PAGE_EVENTS


@pytest.fixture
def query(tmp_path: Path, database: Database, redis_url: str, mint: TokenMint) -> Iterator[Service]:
    with read_process("query.reads", tmp_path, database.url("vote_query"), redis_url, mint) as process:
        yield process


async def get(process: Service, path: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    async with aiohttp.ClientSession(process.url) as session, session.get(path, headers=headers) as response:
        return response.status, await response.json()


async def test_a_ballot_is_told_to_anybody_but_a_drafts(
    query: Service, owner: psycopg.Connection, mint: TokenMint
) -> None:
    """The vote page shows it before anybody has logged in: what the call with a token says, to be kept a moment."""
    event, draft = make_event(owner), make_event(owner, "draft")
    ballot = await get(query, f"/vote/{event.event_id}/ballot")
    assert ballot == await get(query, f"/v1/event/{event.event_id}", mint.voter().headers)
    for event_id in (draft.event_id, "00000000-0000-4000-8000-000000000000"):
        assert (await get(query, f"/vote/{event_id}/ballot"))[0] == 404


async def ids(process: Service, path: str, headers: dict[str, str]) -> list[str]:
    status, body = await get(process, path, headers)
    assert status == 200
    return [event["event_id"] for event in body["events"]]


async def test_an_event_is_told_with_its_contestants(
    query: Service, owner: psycopg.Connection, mint: TokenMint
) -> None:
    """All that its host gave, and its schedule in UTC; nobody is told without a token."""
    event = make_event(owner, "draft", opens_at="2030-01-01T20:15:00+01:00", event_description="The last one")
    status, body = await get(query, f"/v1/event/{event.event_id}", mint.voter().headers)
    assert status == 200
    assert body["contestants"][1] == {
        "contestant_id": event.contestants[1],
        "contestant_name": "C2",
        "contestant_description": "",
        "contestant_image_url": "",
        "party": None,
    }
    assert len(body["short_code"]) == 6
    del body["contestants"], body["short_code"]
    assert body == {
        "event_id": event.event_id,
        "event_name": "Final",
        "event_description": "The last one",
        "status": "scheduled",
        "opens_at": "2030-01-01T19:15:00.000000Z",
        "closes_at": None,
        "results_visibility": "public",
        "captcha": False,
        "assurance_min": "password",
        "rehearsal": False,
        "frozen": False,
        "revealed": None,
        "two_person": False,
        "theme": {"background": None, "foreground": None, "accent": None, "font": None, "logo_url": None},
        "staff": None,
    }
    assert (await get(query, f"/v1/event/{event.event_id}"))[0] == 401


async def test_staff_learn_what_waits_for_a_second_person(
    query: Service, owner: psycopg.Connection, mint: TokenMint
) -> None:
    """Who asked for what, until when, also when nobody has confirmed it in time; and why a round is void."""
    running = make_event(owner, two_person=True, expected_votes=5)
    asked = _asked_to_cancel(owner, running.event_id)
    path = f"/v1/event/{running.event_id}"
    host, viewer = mint.voter("host").headers, mint.voter().headers
    staff = (await get(query, path, host))[1]["staff"]
    assert staff == {"expected_votes": 5, "eligible_voters": None, "void_reason": None, "asked": asked}
    assert (await get(query, path, viewer))[1]["staff"] is None
    assert (await get(query, f"/vote/{running.event_id}/ballot"))[1]["staff"] is None
    closed = make_event(owner, "closed")
    owner.execute("SELECT void_event(%s, 'a line was dead', ROW(NULL, 'host', NULL)::actor)", [closed.event_id])
    status, void = await get(query, f"/v1/event/{closed.event_id}", host)
    assert (status, void["status"], void["staff"]["void_reason"]) == (200, "cancelled", "a line was dead")


def _asked_to_cancel(owner: psycopg.Connection, event_id: str) -> dict[str, Any]:
    """A host asks for it; what readers should learn."""
    host = str(uuid.uuid4())
    asking = (
        "SELECT rfc3339(expires_at) FROM change_status(%s, 'cancel', ROW(%s::uuid, 'host', NULL)::actor, NULL, NULL)"
    )
    expires_at = owner.execute(asking, [event_id, host]).fetchone()
    assert expires_at
    return {"action": "cancel", "asked_by": host, "role": "host", "reason": None, "expires_at": expires_at[0]}


async def test_drafts_are_for_staff(query: Service, owner: psycopg.Connection, mint: TokenMint) -> None:
    """A draft is in no list and at no address, except for hosts and admins."""
    draft, shown = make_event(owner, "draft"), make_event(owner, "open")
    viewer, host = mint.voter().headers, mint.voter("host").headers
    assert await ids(query, "/v1/events", viewer) == [shown.event_id]
    assert await ids(query, "/v1/events?status=draft", viewer) == []
    assert await ids(query, "/v1/events", host) == [shown.event_id, draft.event_id]
    assert (await get(query, f"/v1/event/{draft.event_id}", viewer))[0] == 404
    assert (await get(query, f"/v1/event/{draft.event_id}", host))[0] == 200


async def test_canaries_events_are_in_no_list(query: Service, owner: psycopg.Connection, mint: TokenMint) -> None:
    """Neither viewers nor staff are shown them; who has the id may look."""
    canary, real = make_event(owner, assurance_min="canary", rehearsal=True), make_event(owner)
    for who in (mint.voter().headers, mint.voter("host").headers, mint.voter("admin").headers):
        assert await ids(query, "/v1/events", who) == [real.event_id]
        assert (await get(query, f"/v1/event/{canary.event_id}", who))[0] == 200


async def test_pages_follow_each_other(query: Service, owner: psycopg.Connection, mint: TokenMint) -> None:
    """Newest first, each event once, though others are made meanwhile; the last page says that it is."""
    viewer = mint.voter().headers
    made = [make_event(owner, "closed").event_id for _ in range(PAGE_EVENTS + 2)]
    _, first = await get(query, "/v1/events", viewer)
    make_event(owner, "open")
    _, second = await get(query, f"/v1/events?cursor={first['next_cursor']}", viewer)
    assert [event["event_id"] for event in first["events"] + second["events"]] == made[::-1]
    assert second["next_cursor"] is None
    assert len(await ids(query, "/v1/events?status=open", viewer)) == 1


@pytest.mark.parametrize("asked", ["status=won", "cursor=1"])
async def test_a_malformed_question_names_its_field(query: Service, mint: TokenMint, asked: str) -> None:
    """400 with the parameter's name."""
    status, body = await get(query, f"/v1/events?{asked}", mint.voter().headers)
    assert (status, body["error"]["field"]) == (400, asked.split("=", maxsplit=1)[0])


async def test_the_live_count(query: Service, owner: psycopg.Connection, redis_url: str) -> None:
    """The number of votes and its time for everybody; null before the first; hidden like the results."""
    event, hidden = make_event(owner), make_event(owner, results_visibility="staff")
    status, body = await get(query, f"/v1/event/{event.event_id}/live")
    assert (status, body["current_votes"], body["last_updated"]) == (200, 0, None)
    Tallies(redis_url).write(event, {1: 2, 2: 40})
    while (await get(query, f"/v1/event/{event.event_id}/live"))[1]["current_votes"] != 42:
        pass  # cached for a moment; the test's own time limit ends it
    status, body = await get(query, f"/v1/event/{event.event_id}/live")
    assert body == {
        "event_id": event.event_id,
        "current_votes": 42,
        "last_updated": "2026-01-01T20:15:00.000000Z",
        "stale": False,
        "frozen": False,
    }
    assert (await get(query, f"/v1/event/{hidden.event_id}/live"))[0] == 403
