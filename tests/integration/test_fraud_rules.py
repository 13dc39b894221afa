"""Fraud rules on a real command process: farms are stopped, and honest crowds aren't."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from contract.vote_id import ReceiptCipher, VoteKind
from ops.rig.database import Database
from ops.rig.event import Event
from ops.rig.farm import evidence_of, farm, in_turn, judging_command, on_device, opened, person, solved
from ops.rig.people import RECEIPT_KEY, TokenMint
from ops.rig.service import Service
from ops.rig.votes import submit, vote_of

HALL = "203.0.113.77"


@pytest.fixture
def command(tmp_path: Path, database: Database, mint: TokenMint) -> Iterator[Service]:
    """With the rules that are shipped, and a Redis that is away."""
    with judging_command(tmp_path, database, mint) as process:
        yield process


def count(owner: psycopg.Connection, table: str, event: Event) -> int:
    query = {"votes": "SELECT count(*) FROM votes WHERE event_no = %s",
             "refusals": "SELECT count(*) FROM vote_rejections WHERE event_no = %s AND kind = 5"}  # fmt: skip
    row = owner.execute(query[table].encode(), [event.event_no]).fetchone()
    assert row
    return int(row[0])


async def test_a_bot_farm_is_stopped(
    command: Service, mint: TokenMint, owner: psycopg.Connection, record_property: Any
) -> None:
    """Of a thousand scripted accounts on ten devices, ids rotated and challenges solved, 70 get in: seven a device."""
    event = opened(owner)
    answers = await farm(command, event, mint, devices=10, accounts=100)
    got_in = count(owner, "votes", event)
    record_property("votes_of_the_farm_that_got_in", got_in)
    assert Counter(status for status, _ in answers) == {200: got_in, 403: 1000 - got_in}
    assert got_in == 70
    assert count(owner, "refusals", event) == 1000 - got_in
    refused = next(content for status, content in answers if status == 403)
    assert (refused["error"]["code"], refused["vote_status"]) == ("refused", "rejected")
    receipt = ReceiptCipher(RECEIPT_KEY).open(uuid.UUID(refused["vote_id"]))
    assert receipt is not None
    assert receipt.kind is VoteKind.REFUSED


@pytest.mark.parametrize("age_s", [10, 60, 86_400 * 365])
async def test_an_honest_hall_gets_in(
    command: Service, mint: TokenMint, owner: psycopg.Connection, age_s: float
) -> None:
    """200 people behind one address, at once, with accounts made during the show or long before, all vote."""
    event = opened(owner)
    guests = [person(mint, age_s=age_s + random.uniform(0, 100), cohort=f"name-{number}") for number in range(200)]
    async with aiohttp.ClientSession(command.url) as session:
        votes = (
            submit(session, guest, on_device(vote_of(guest, event), f"phone of {guest.user_id}"), HALL)
            for guest in guests
        )
        answers = await asyncio.gather(*votes)
    assert {status for status, _ in answers} == {200}
    assert count(owner, "votes", event) == 200


async def test_a_household_shares_a_tablet(command: Service, mint: TokenMint, owner: psycopg.Connection) -> None:
    """Five who registered for the show and have one device, one address and like names vote one after the other."""
    event = opened(owner)
    async with aiohttp.ClientSession(command.url) as session:
        for _ in range(5):
            member = person(mint, age_s=30, cohort="miller#")
            status, _ = await submit(session, member, on_device(vote_of(member, event), "tablet"), HALL)
            assert status == 200


async def test_a_vote_that_is_there_decides_first(command: Service, mint: TokenMint, owner: psycopg.Connection) -> None:
    """Who got in before the farm was seen gets the same answer again; who was refused, too, and is once on record."""
    event = opened(owner)
    voters = [person(mint, age_s=60, cohort="fan#") for _ in range(12)]
    async with aiohttp.ClientSession(command.url) as session:
        first = await in_turn(session, event, voters, HALL)
        again = await in_turn(session, event, voters, HALL)
    assert [status for status, _ in first] == [200] * 7 + [403] * 5
    receipts = [[content.get("vote_id") for _, content in answers] for answers in (first, again)]
    assert receipts[0] == receipts[1]
    assert [status for status, _ in again] == [200] * 7 + [403] * 5
    assert count(owner, "refusals", event) == 5
    kinds = Counter(vote.kind for vote in evidence_of(owner, event, 19))
    assert kinds == {VoteKind.ACCEPTED: 14, VoteKind.REFUSED: 5}  # seven were refused by the rules when they came again


async def test_a_crowd_on_a_device_is_challenged(command: Service, mint: TokenMint, owner: psycopg.Connection) -> None:
    """The sixth account on a device must solve a captcha; its vote isn't in the ledger before it has."""
    event = opened(owner)
    async with aiohttp.ClientSession(command.url) as session:
        voters = [person(mint, age_s=86_400 * 365) for _ in range(6)]
        bodies = [on_device(vote_of(voter, event), "tablet") for voter in voters]
        answers = [await submit(session, *vote, HALL) for vote in zip(voters, bodies, strict=True)]
        wrong = await submit(session, voters[-1], {**bodies[-1], "captcha_token": "nonsense"}, HALL)
        assert count(owner, "votes", event) == 5
        right = await submit(session, voters[-1], solved(bodies[-1]), HALL)
        again = await submit(session, voters[-1], bodies[-1], HALL)
    status, content = answers[-1]
    assert (status, content["error"]["code"], content["error"]["field"]) == (400, "captcha_required", "captcha_token")
    assert [status for status, _ in answers] == [200] * 5 + [400]
    assert (wrong[0], wrong[1]["error"]["code"]) == (400, "captcha_required")
    assert (right[0], again) == (200, right)
