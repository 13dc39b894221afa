"""An event may ask how well it must be known who votes: below that no vote reaches the ledger."""

import re
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import jwt
import psycopg
import pytest

from contract.assurance import Assurance
from ops.rig.database import Database
from ops.rig.event import find_event, make_event
from ops.rig.identity_process import call, error_of
from ops.rig.people import TokenMint
from ops.rig.service import Service, command_process
from ops.rig.votes import submit, vote_of

CONTESTANT = {"contestant_name": "Ada", "contestant_description": "", "contestant_image_url": ""}
LEVELS = list(Assurance)


@pytest.fixture
def command(tmp_path: Path, database: Database, mint: TokenMint) -> Iterator[Service]:
    with command_process(tmp_path, database.url("vote_command"), mint) as process:
        yield process


@pytest.mark.parametrize("least", LEVELS)
async def test_a_vote_below_the_level_leaves_no_row(
    command: Service, mint: TokenMint, owner: psycopg.Connection, least: Assurance
) -> None:
    """Weaker tokens are 403 and nowhere in the ledger, equal and stronger ones vote; each level is counted."""
    event = make_event(owner, assurance_min=least.value, rehearsal=least is Assurance.CANARY)
    voters = {level: mint.voter(assurance=level) for level in LEVELS}
    may = [level for level in LEVELS if level.meets(least)]
    async with aiohttp.ClientSession(command.url) as session:
        for level, voter in voters.items():
            status, content = await submit(session, voter, vote_of(voter, event))
            assert (status == 200) == (level in may)
            if level not in may:
                assert error_of((status, content)) == (403, "forbidden", "")
                assert (least.value in content["error"]["message"], "vote_id" in content) == (True, False)
        async with session.get("/metrics") as answer:
            counted = dict(re.findall(r'vote_accepted_total\{assurance="(\w+)"} (\d)', await answer.text()))
    assert counted == {level.value: str(int(level in may)) for level in LEVELS}
    ledger = owner.execute("SELECT voter FROM votes UNION ALL SELECT voter FROM vote_rejections").fetchall()
    assert {row[0] for row in ledger} == {voters[level].pseudonym(event.event_no) for level in may}


async def test_unknown_levels_are_worth_nothing_more(
    command: Service, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """A token of a level that this process doesn't know votes where a password is enough, and nowhere else."""
    voter, (easy, strict) = mint.voter(), (make_event(owner), make_event(owner, assurance_min="mail"))
    async with aiohttp.ClientSession(command.url) as session:
        claims = {"sub": voter.user_id, "roles": ["viewer"], "seed": seed_of(voter.token), "assurance": "superb"}
        headers = {"Authorization": f"Bearer {mint.token(**claims)}"}
        for event, status in ((easy, 200), (strict, 403)):
            async with session.post("/v1/vote/submit", json=vote_of(voter, event), headers=headers) as answer:
                assert answer.status == status


async def test_create_asks_for_a_level(command: Service, mint: TokenMint, owner: psycopg.Connection) -> None:
    """The level that a host gives is kept, none means a person's weakest, another word is refused by its name.

    A canary's is for rehearsals only, and stays so in copies.
    """
    host = mint.voter("host")
    event = {"user_id": host.user_id, "event_name": "Final", "contestants": [CONTESTANT]}
    async with aiohttp.ClientSession(command.url) as session:
        for given, kept in (
            ({}, "password"),
            ({"assurance_min": None}, "password"),
            ({"assurance_min": "mail"}, "mail"),
        ):
            status, made = await call(session, "/v1/event/create", event | given, host.token)
            assert status == 200
            number = find_event(owner, made["event_id"]).event_no
            row = owner.execute("SELECT assurance_min FROM events WHERE event_no = %s", [number]).fetchone()
            assert row == (kept,)
        for word in ("certain", "canary"):
            refused = await call(session, "/v1/event/create", event | {"assurance_min": word}, host.token)
            assert error_of(refused) == (400, "invalid_field", "assurance_min")
        copied = f"/v1/event/{make_event(owner, assurance_min='canary', rehearsal=True).event_id}/duplicate"
        refused = await call(session, copied, {"rehearsal": False}, host.token)
        assert error_of(refused) == (400, "invalid_field", "rehearsal")


def seed_of(token: str) -> str:
    """The closed seed inside a token."""
    return str(jwt.decode(token, options={"verify_signature": False})["seed"])
