"""Elections as staff change them while others do: what a retry, a late click and a long list may not do."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import psycopg
import pytest

from ops.rig.database import Database
from ops.rig.desk import Content, Desk, contestant
from ops.rig.event import change_status
from ops.rig.eventually import eventually
from ops.rig.people import TokenMint
from ops.rig.service import command_process

LATE, LATER = "2090-01-01T00:00:00Z", "2090-01-02T00:00:00Z"


class Elections(Desk):
    """A host who speaks of elections."""

    async def say(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Content]:
        """Status and JSON; the path follows that of all elections."""
        url, said = f"/api/v1/admin/elections{path}", {**self.host.headers, **headers}
        async with self.session.request(method, url, headers=said, json=body) as answer:
            return answer.status, await answer.json()

    async def activate(self, **headers: str) -> tuple[int, Content]:
        """Open the election, or end its pause."""
        return await self.say("PATCH", f"/{self.event_id}/status", {"status": "ACTIVE"}, **headers)


@pytest.fixture
async def host(tmp_path: Path, database: Database, mint: TokenMint) -> AsyncIterator[Elections]:
    with command_process(tmp_path, database.url("vote_command"), mint, HEARING_WAIT_MS="0") as running:
        async with aiohttp.ClientSession(running.url) as session:
            yield Elections(session, mint.voter("host"))


async def test_a_retried_activation_ends_no_pause(host: Elections, mint: TokenMint, owner: psycopg.Connection) -> None:
    """A key opens once: what others have paused since stays so, until somebody activates it anew."""

    def status() -> object:
        return owner.execute("SELECT status FROM events WHERE event_id = %s", [host.event_id]).fetchall()[0][0]

    await host.create(contestants=[contestant("Ada")])
    other = Desk(host.session, mint.voter("host"), host.event_id)
    assert (await host.activate(**{"Idempotency-Key": "k"}))[1]["status"] == "ACTIVE"
    await other.click("pause")
    answered, election = await host.activate(**{"Idempotency-Key": "k"})
    assert (answered, election["status"], status()) == (200, "ACTIVE", "paused")
    assert ((await host.activate(**{"Idempotency-Key": "anew"}))[0], status()) == (200, "open")
    await other.click("pause")
    assert ((await host.activate())[0], status()) == (200, "open")
    await host.create(contestants=[contestant("Ada")])
    refused, error = await host.activate(**{"Idempotency-Key": "k"})
    assert (refused, error["message"]) == (409, "the Idempotency-Key was used for another request")


async def test_nothing_changes_after_the_opening(
    host: Elections, owner: psycopg.Connection, database: Database
) -> None:
    """An edit that waited for the opening is refused, though it began before."""
    await host.create(contestants=[contestant("Ada")])
    with psycopg.connect(database.url()) as opening:
        change_status(opening, host.event_id, "open")
        edit = asyncio.create_task(host.say("PUT", f"/{host.event_id}", {"description": "late"}))
        waits = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        await asyncio.to_thread(eventually, lambda: bool(owner.execute(waits).fetchall()), "the edit waits")
    status, error = await edit
    assert (status, error["code"]) == (400, "INVALID_STATUS")
    [(description,)] = owner.execute("SELECT event_description FROM events").fetchall()
    assert description != "late"


async def test_a_late_first_candidate_opens_nothing(host: Elections, owner: psycopg.Connection) -> None:
    """Once its start is past, an election takes candidates only after that was moved."""
    new = {"title": "Mayor", "description": "", "startDate": LATE, "endDate": LATER}
    host.event_id = (await host.say("POST", "", new))[1]["id"]
    owner.execute("UPDATE events SET opens_at = now() - interval '1 minute'")
    path, ada = f"/{host.event_id}/candidates", {"name": "Ada", "party": ""}
    status, error = await host.say("POST", path, ada)
    assert (status, error["code"]) == (400, "INVALID_STATUS")
    assert "startDate is past" in error["message"]
    assert (await host.say("PUT", f"/{host.event_id}", {"startDate": LATE}))[0] == 200
    assert (await host.say("POST", path, ada))[0] == 201


async def test_a_page_has_a_limit_of_candidates(host: Elections, owner: psycopg.Connection) -> None:
    """More than fits is refused, and how to ask for less is said."""
    await host.create()
    assert (await host.say("GET", ""))[1]["content"][0]["candidates"] == []
    owner.execute(
        "INSERT INTO contestants (event_no, contestant_no, order_no, contestant_name, contestant_description,"
        " contestant_image_url) SELECT event_no, n, n, 'C' || n, '', '' FROM events, generate_series(1, 20001) n"
    )
    status, error = await host.say("GET", "")
    assert (status, error["code"], error["message"].split()[0]) == (400, "INVALID_REQUEST", "size")
