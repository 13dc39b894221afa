"""What bodies may be, on a real command process: how large, how ids are spelled, and what never costs a vote."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.people import TokenMint, Voter
from ops.rig.service import Service, command_process
from ops.rig.votes import vote_of


@pytest.fixture
def command(tmp_path: Path, database: Database, mint: TokenMint) -> Iterator[Service]:
    with command_process(tmp_path, database.url("vote_command"), mint) as process:
        yield process


async def test_bodies_up_to_what_their_call_takes(command: Service, owner: psycopg.Connection, mint: TokenMint) -> None:
    """1,000 contestants are taken, as the contract says; what is beyond is 413 with the call's own limit."""
    host, voter = mint.voter("host"), mint.voter()
    event = make_event(owner)
    async with aiohttp.ClientSession(command.url) as session:

        async def post(path: str, caller: Voter, content: dict[str, Any]) -> tuple[int, Any]:
            body, headers = json.dumps(content).encode(), {**caller.headers, "Content-Type": "application/json"}
            async with session.post(
                path, data=io.BytesIO(body), headers=headers, expect100=len(body) > 2**20
            ) as answer:
                return answer.status, await answer.json()

        status, made = await post("/v1/event/create", host, draft(host, 1000, "x"))
        assert (status, len(made["contestants"])) == (200, 1000)
        assert (await post("/v1/event/create", host, draft(host, 100, "x" * 900)))[0] == 200
        assert (await post("/v1/event/create", voter, draft(host, 100, "x" * 900)))[0] == 403
        status, refused = await post("/v1/event/create", host, draft(host, 1000, "x" * 1500))
        assert (status, "1 MiB" in refused["error"]["message"]) == (413, True)
        status, refused = await post("/v1/vote/submit", voter, {**vote_of(voter, event), "more": "x" * 17_000})
        assert (status, "16 KiB" in refused["error"]["message"]) == (413, True)


def draft(host: Voter, contestants: int, text: str) -> dict[str, Any]:
    """An event as a host enters it."""
    given = [
        {"contestant_name": f"C{number}", "contestant_description": text, "contestant_image_url": ""}
        for number in range(contestants)
    ]
    return {"user_id": host.user_id, "event_name": "Final", "contestants": given}


async def test_no_clock_of_a_phone_costs_a_vote(command: Service, owner: psycopg.Connection, mint: TokenMint) -> None:
    """Whatever `client_timestamp` is, the vote counts."""
    event, clocks = make_event(owner), ['"2026-12-31T23:59:60Z"', '"10000-01-01T00:00:00Z"', '"yesterday"', '""']
    async with aiohttp.ClientSession(command.url) as session:
        for said in [*clocks, "null", "1767225600", '{"a": [1]}']:
            voter = mint.voter()
            body = json.dumps(vote_of(voter, event)).removesuffix("}") + f', "client_timestamp": {said}}}'
            headers = {**voter.headers, "Content-Type": "application/json"}
            async with session.post("/v1/vote/submit", data=body, headers=headers) as answer:
                assert answer.status == 200, (said, await answer.text())


@pytest.mark.parametrize("field", ["user_id", "event_id", "contestant_id"])
async def test_uuids_have_one_spelling(
    command: Service, owner: psycopg.Connection, mint: TokenMint, field: str
) -> None:
    """Other spellings of a UUID in a body are 400 and name the field; upper case is the same UUID."""
    voter = mint.voter()
    vote = vote_of(voter, make_event(owner))
    given = str(vote[field])
    odd = [spelling.format(given) for spelling in ("{{{}}}", "urn:uuid:{}", "{}\n", " {}", "{}-")]
    odd += [given.replace("-", ""), given[:9] + "-" + given[9:18] + given[19:]]
    async with aiohttp.ClientSession(command.url) as session:
        for text, status in [*((spelling, 400) for spelling in odd), (given.upper(), 200)]:
            async with session.post("/v1/vote/submit", json={**vote, field: text}, headers=voter.headers) as answer:
                content = await answer.json()
                assert answer.status == status, (text, content)
                refused = content.get("error", {})
                assert status == 200 or (refused["code"], refused["field"]) == ("invalid_field", field)


async def test_encoded_bodies_are_refused(command: Service, mint: TokenMint) -> None:
    """A Content-Encoding is 415, since none is decoded."""
    headers = {**mint.voter().headers, "Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with (
        aiohttp.ClientSession(command.url) as session,
        session.post("/v1/vote/submit", data=b"{}", headers=headers) as answer,
    ):
        assert (answer.status, (await answer.json())["error"]["code"]) == (415, "not_json")
