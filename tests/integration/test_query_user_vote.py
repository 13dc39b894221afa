"""GET /v1/event/{event_id}/vote/{user_id}, on a real query process and a real Postgres."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from contract.vote_id import ReceiptCipher, VoteKind
from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.people import RECEIPT_KEY, TokenMint, Voter
from ops.rig.service import Service, read_process


@pytest.fixture
def query(tmp_path: Path, database: Database, redis_url: str, mint: TokenMint) -> Iterator[Service]:
    with read_process("query.reads", tmp_path, database.url("vote_query"), redis_url, mint) as process:
        yield process


def cast(owner: psycopg.Connection, event: Event, voter: Voter) -> None:
    owner.execute(
        "SELECT count(*) FROM cast_votes(%s, %s, clock_timestamp(), ARRAY[%s::bytea], '{1}', '{NULL}', '{NULL}',"
        " ARRAY[%s::bytea], '{0}')",
        [event.event_no, event.event_id, voter.pseudonym(event.event_no), bytes(16)],
    )


def register(people: psycopg.Connection, voter: Voter) -> None:
    """Make the voter a user, as identity would."""
    people.execute(
        "INSERT INTO identity.users (user_id, username, roles, voter_seed) VALUES (%s, %s, '{viewer}', %s)",
        [voter.user_id, voter.user_id, voter.seed],
    )


async def ask(query: Service, event_id: str, user_id: str, asker: Voter) -> tuple[int, Any]:
    """Status and body."""
    return await get(query, f"/v1/event/{event_id}/vote/{user_id}", asker)


async def get(query: Service, path: str, asker: Voter) -> tuple[int, Any]:
    async with aiohttp.ClientSession(query.url) as session, session.get(path, headers=asker.headers) as response:
        return response.status, await response.json()


async def test_a_voter_sees_the_receipt_of_an_own_vote(
    query: Service, owner: psycopg.Connection, mint: TokenMint
) -> None:
    """Before the vote has_voted is false with nulls; after it the receipt and the time are there."""
    event, voter = make_event(owner), mint.voter()
    nothing = {"has_voted": False, "vote_id": None, "voted_at": None}
    who = {"event_id": event.event_id, "user_id": voter.user_id}
    assert await ask(query, event.event_id, voter.user_id, voter) == (200, who | nothing)
    cast(owner, event, voter)
    status, body = await ask(query, event.event_id, voter.user_id, voter)
    receipt = ReceiptCipher(RECEIPT_KEY).seal(VoteKind.ACCEPTED, event.event_no, voter.pseudonym(event.event_no))
    assert (status, body["has_voted"], body["vote_id"]) == (200, True, receipt)
    assert body["voted_at"].endswith("Z")


@pytest.mark.parametrize("role", ["admin", "auditor"])
async def test_staff_who_may_read_all_sees_that_a_user_has_voted_and_no_more(
    query: Service, owner: psycopg.Connection, people: psycopg.Connection, mint: TokenMint, role: str
) -> None:
    """Neither dialect gives what the vote could be found by in the ledger: its receipt, and its time."""
    event, voter, staff = make_event(owner), mint.voter(), mint.voter(role)
    register(people, voter)
    who = {"event_id": event.event_id, "user_id": voter.user_id}
    for has_voted in (False, True):
        if has_voted:
            cast(owner, event, voter)
        told = who | {"has_voted": has_voted, "vote_id": None, "voted_at": None}
        assert await ask(query, event.event_id, voter.user_id, staff) == (200, told)
        status = f"/api/v1/votes/status/{event.event_id}/{voter.user_id}"
        election = {"electionId": event.event_id, "userId": voter.user_id, "hasVoted": has_voted}
        assert await get(query, status, staff) == (200, election)


@pytest.mark.usefixtures("identity_database")
async def test_what_is_refused(query: Service, owner: psycopg.Connection, mint: TokenMint) -> None:
    """Others, hosts too, are 403; unknown events and users 404; malformed ids 400."""
    event, voter, admin = make_event(owner), mint.voter(), mint.voter("admin")
    for other in (mint.voter(), mint.voter("host")):
        status, body = await ask(query, event.event_id, voter.user_id, other)
        assert (status, body["error"]["code"]) == (403, "not_yours")
    unknown = str(uuid.uuid4())
    for event_id, user_id, status, field in [
        (unknown, voter.user_id, 404, "event_id"),
        (event.event_id, unknown, 404, "user_id"),
        ("x", voter.user_id, 400, "event_id"),
        (event.event_id, "x", 400, "user_id"),
    ]:
        found, body = await ask(query, event_id, user_id, admin)
        assert (found, body["error"]["field"]) == (status, field)


async def test_without_the_database_of_people_all_but_looks_at_others_go_on(
    query: Service, owner: psycopg.Connection, mint: TokenMint
) -> None:
    """An admin's look at somebody's vote is 503; voters see their own, and the process is ready."""
    event, voter, admin = make_event(owner), mint.voter(), mint.voter("admin")
    cast(owner, event, voter)
    status, body = await ask(query, event.event_id, voter.user_id, admin)
    assert (status, body["error"]["code"]) == (503, "busy")
    assert (await ask(query, event.event_id, voter.user_id, voter))[1]["has_voted"]
    assert query.is_ready()
