"""Staff run events by HTTP: what is asked twice happens once, what can't be is refused, nobody keeps them waiting."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from contract.seal import ballot_seal_of
from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.eventually import eventually
from ops.rig.people import SEAL_KEY, TokenMint, Voter
from ops.rig.service import Service, command_process

CONTESTANT = {"contestant_name": "Ada", "contestant_description": "sings", "contestant_image_url": ""}
STRANGERS = 120


@pytest.fixture
async def command(tmp_path: Path, database: Database, mint: TokenMint) -> AsyncIterator[Service]:
    with command_process(tmp_path, database.url("vote_command"), mint) as running:
        yield running


@pytest.fixture
async def session(command: Service) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(command.url, connector=aiohttp.TCPConnector(limit=0)) as opened:
        yield opened


@pytest.fixture
def host(mint: TokenMint) -> Voter:
    return mint.voter("host")


async def post(
    session: aiohttp.ClientSession, who: Voter, path: str, body: Any = None, **headers: str
) -> tuple[int, Any]:
    """Status and JSON of a POST."""
    data = json.dumps(body if body is not None else {})
    sent = {**who.headers, "Content-Type": "application/json", **headers}
    async with session.post(path, data=data, headers=sent) as answer:
        return answer.status, await answer.json()


def new_event(host: Voter, **fields: object) -> dict[str, object]:
    """The body of a create."""
    return {"user_id": host.user_id, "event_name": "Final", "contestants": [CONTESTANT], "expected_votes": 1, **fields}


async def test_the_same_create_makes_one_event(
    session: aiohttp.ClientSession, host: Voter, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """With an Idempotency-Key a create may come as often as it likes, also at once; without one each makes an event."""
    body, key = new_event(host), {"Idempotency-Key": "click-1"}
    answers = await asyncio.gather(*(post(session, host, "/v1/event/create", body, **key) for _ in range(5)))
    assert {status for status, _ in answers} == {200}
    assert len({content["event_id"] for _, content in answers}) == 1
    assert [content["contestants"] for _, content in answers] == [answers[0][1]["contestants"]] * 5
    status, refused = await post(session, host, "/v1/event/create", new_event(host, event_name="Other"), **key)
    assert (status, refused["error"]["code"]) == (409, "taken")
    other = mint.voter("host")
    assert (await post(session, other, "/v1/event/create", new_event(other), **key))[0] == 200
    assert (await post(session, host, "/v1/event/create", body))[0] == 200
    assert (await post(session, host, "/v1/event/create", body, **{"Idempotency-Key": "x" * 101}))[0] == 400
    assert owner.execute("SELECT count(*) FROM events").fetchone() == (3,)


async def test_a_key_is_forgotten_after_a_day(
    session: aiohttp.ClientSession, host: Voter, owner: psycopg.Connection
) -> None:
    """Then the same request is a new one."""
    body, key = new_event(host), {"Idempotency-Key": "click-1"}
    _, first = await post(session, host, "/v1/event/create", body, **key)
    owner.execute("UPDATE idempotency_keys SET made_at = made_at - interval '25 hours'")
    _, second = await post(session, host, "/v1/event/create", body, **key)
    assert first["event_id"] != second["event_id"]


async def test_what_cannot_be_is_refused(session: aiohttp.ClientSession, host: Voter) -> None:
    """A schedule in the past or beyond the calendar, names that nobody can see, half a captcha."""
    unseen = [CONTESTANT, {**CONTESTANT, "contestant_name": "\u2066\u00a0"}]
    refused: list[tuple[dict[str, object], str]] = [
        ({"closes_at": "2020-01-01T00:00:00Z"}, "closes_at"),
        ({"opens_at": "2020-01-01T00:00:00Z"}, "opens_at"),
        ({"opens_at": "10000-01-01T00:00:00Z"}, "opens_at"),
        ({"opens_at": "9999-12-31T23:00:00-05:00"}, "opens_at"),
        ({"opens_at": "0001-01-01T00:00:00+14:00"}, "opens_at"),
        ({"opens_at": "0701-02-21T22:49:45.63-18:29"}, "opens_at"),
        ({"opens_at": "2090-02-02T00:00:00Z", "closes_at": "2090-02-01T00:00:00Z"}, "closes_at"),
        ({"event_name": " \u200b\u202e"}, "event_name"),
        ({"contestants": unseen}, "contestants[1].contestant_name"),
        ({"contestants": [{**CONTESTANT, "party": "\u3164"}]}, "contestants[0].party"),
        ({"captcha": "yes"}, "captcha"),
    ]
    for fields, culprit in refused:
        status, content = await post(session, host, "/v1/event/create", new_event(host, **fields))
        assert (status, content["error"]["code"], content["error"]["field"]) == (400, "invalid_field", culprit), fields


async def test_a_schedule_is_kept_as_it_was_meant(
    session: aiohttp.ClientSession, host: Voter, owner: psycopg.Connection
) -> None:
    """Whatever offset it was written with, even one beyond Postgres' own."""
    _, made = await post(session, host, "/v1/event/create", new_event(host, opens_at="2090-01-01T00:00:00+18:00"))
    row = owner.execute("SELECT opens_at FROM events WHERE event_id = %s", [made["event_id"]]).fetchone()
    assert row == (datetime(2089, 12, 31, 6, tzinfo=UTC),)


async def test_nobody_holds_up_a_close(
    session: aiohttp.ClientSession, host: Voter, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """A viewer who asks for made-up events on many connections gets refusals; every close gets its answer."""
    stranger, done = mint.voter(), asyncio.Event()

    async def ask() -> set[int]:
        statuses = set()
        while not done.is_set():
            vote = {"user_id": stranger.user_id, "event_id": str(uuid.uuid4()), "contestant_id": str(uuid.uuid4())}
            statuses.add((await post(session, stranger, "/v1/vote/submit", vote))[0])
        return statuses

    asking = [asyncio.create_task(ask()) for _ in range(STRANGERS)]
    events = [make_event(owner, expected_votes=1) for _ in range(5)]
    closed = [(await post(session, host, f"/v1/event/{event.event_id}/close"))[0] for event in events]
    done.set()
    statuses = set().union(*await asyncio.gather(*asking))
    assert closed == [200] * 5
    assert statuses <= {404, 429}
    assert 429 in statuses


def due(owner: psycopg.Connection) -> Event:
    """An event that should have opened a moment ago."""
    event = make_event(owner, status="draft", expected_votes=1)
    owner.execute(
        "UPDATE events SET status = 'scheduled', opens_at = now() - interval '1 second' WHERE event_no = %s",
        [event.event_no],
    )
    return event


async def test_one_stuck_event_holds_up_no_other(
    database: Database, command: Service, owner: psycopg.Connection
) -> None:
    """The schedule opens what is due while the lock of an earlier event is held by somebody."""
    assert command.url
    with psycopg.connect(database.url()) as stuck:
        held = make_event(owner, status="draft", expected_votes=1)
        stuck.execute("SELECT pg_advisory_xact_lock_shared(event_lock_class(), %s)", [held.event_no])
        owner.execute(
            "UPDATE events SET status = 'scheduled', opens_at = now() - interval '1 second' WHERE event_no = %s",
            [held.event_no],
        )
        others = [due(owner) for _ in range(3)]
        await until_open(owner, others)
        assert statuses(owner, [held]) == {"scheduled"}
    await until_open(owner, [held])
    row = owner.execute(
        "SELECT ballot_of(event_no), ballot_seal FROM events WHERE event_no = %s", [held.event_no]
    ).fetchone()
    assert row is not None
    assert row[1] == ballot_seal_of(SEAL_KEY, row[0])


async def until_open(owner: psycopg.Connection, events: list[Event]) -> None:
    """Return once all of them are open."""
    await asyncio.to_thread(eventually, lambda: statuses(owner, events) == {"open"}, "the schedule opens them")


def statuses(owner: psycopg.Connection, events: list[Event]) -> set[str]:
    """What these events are now."""
    numbers = [event.event_no for event in events]
    return {status for (status,) in owner.execute("SELECT status FROM events WHERE event_no = ANY (%s)", [numbers])}


async def test_a_seal_covers_what_was_opened(
    session: aiohttp.ClientSession, host: Voter, owner: psycopg.Connection
) -> None:
    """An event that a host opens has the seal of its ballot."""
    _, made = await post(session, host, "/v1/event/create", new_event(host))
    assert (await post(session, host, f"/v1/event/{made['event_id']}/open"))[0] == 200
    row = owner.execute(
        "SELECT ballot_of(event_no), ballot_seal FROM events WHERE event_id = %s", [made["event_id"]]
    ).fetchone()
    assert row is not None
    assert row[1] == ballot_seal_of(SEAL_KEY, row[0])
    assert "Ada" in row[0]


async def test_who_creates_for_somebody_else_learns_only_whether_they_exist(
    session: aiohttp.ClientSession, host: Voter, mint: TokenMint, people: psycopg.Connection
) -> None:
    """Another user's id is 403, an unknown one 404."""
    other = mint.voter("host")
    people.execute(
        "INSERT INTO identity.users (user_id, username, voter_seed) VALUES (%s, 'other', %s)",
        [other.user_id, other.seed],
    )
    for user_id, refusal in ((other.user_id, (403, "not_yours")), (str(uuid.uuid4()), (404, "not_found"))):
        status, content = await post(session, host, "/v1/event/create", new_event(host, user_id=user_id))
        assert (status, content["error"]["code"]) == refusal


async def test_without_the_database_of_people_hosts_go_on(
    command: Service, session: aiohttp.ClientSession, host: Voter
) -> None:
    """Whether somebody else exists can't be said: 503. An own event is made and opened, and the process is ready."""
    status, content = await post(session, host, "/v1/event/create", new_event(host, user_id=str(uuid.uuid4())))
    assert (status, content["error"]["code"]) == (503, "busy")
    status, made = await post(session, host, "/v1/event/create", new_event(host))
    assert (status, (await post(session, host, f"/v1/event/{made['event_id']}/open"))[0]) == (200, 200)
    assert command.is_ready()
