"""Those whom fraud rules are about: a farm that is run from a few devices, and what was judged of it."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import psycopg

from command.votes.rules.evidence import JudgedVote, unpacked
from contract.challenge import Aim, Challenger
from ops.rig.challenges import solve
from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.eventually import eventually
from ops.rig.people import CHALLENGE_KEY, TokenMint, Voter
from ops.rig.service import Service, command_process
from ops.rig.votes import submit, vote_of

SHIPPED_FILE = resources.files("command.votes.rules").joinpath("shipped.toml").read_text(encoding="utf-8")
ENDLESS_FILE = SHIPPED_FILE.replace("window_s = 600 ", "window_s = 1_000_000_000 ")  # none ends in the midst of a test
NOWHERE = "redis://127.0.0.1:9"  # the discard port: nobody listens
Answers = list[tuple[int, dict[str, Any]]]


@contextlib.contextmanager
def judging_command(folder: Path, database: Database, mint: TokenMint) -> Iterator[Service]:
    """A command process, ready, with the rules that are shipped and a Redis that is away."""
    file = folder / "endless.toml"
    file.write_text(ENDLESS_FILE)
    url = database.url("vote_command")
    with command_process(folder, url, mint, REDIS_URL=NOWHERE, FRAUD_RULES_FILE=str(file)) as process:
        yield process


def opened(owner: psycopg.Connection) -> Event:
    """An event that has been open for an hour."""
    event = make_event(owner)
    owner.execute("UPDATE events SET opened_at = opened_at - interval '1 hour' WHERE event_no = %s", [event.event_no])
    return event


def person(mint: TokenMint, *, age_s: float, cohort: str = "") -> Voter:
    """Somebody who has logged in, with an account of this age."""
    return mint.voter(sid=str(uuid.uuid4()), since=int(time.time() - age_s), cohort=cohort)


def on_device(body: dict[str, object], device_id: str) -> dict[str, object]:
    """The vote as this device sends it."""
    return {**body, "meta": {"device_id": device_id}}


def solved(body: dict[str, object]) -> dict[str, object]:
    """The vote with a solved captcha."""
    aim = Aim("vote", str(body["event_id"]), str(body["user_id"]))
    challenge = Challenger({1: CHALLENGE_KEY}).make(aim, 10, 3, int(time.time()) + 600)
    return {**body, "captcha_token": solve(msgspec.to_builtins(challenge))}


async def in_turn(session: aiohttp.ClientSession, event: Event, voters: Iterable[Voter], address: str) -> Answers:
    """A device that votes for one account after the other, as another device after each ten, with solved captchas."""
    answers = []
    for number, voter in enumerate(voters):
        body = on_device(vote_of(voter, event), f"{address}, {number // 10}")
        answers.append(await submit(session, voter, solved(body), address))
    return answers


async def farm(command: Service, event: Event, mint: TokenMint, devices: int, accounts: int) -> Answers:
    """So many devices with so many accounts each: made during the show, a minute ago, with names in a row."""
    async with aiohttp.ClientSession(command.url) as session:
        each = [[person(mint, age_s=60, cohort="fan#") for _ in range(accounts)] for _ in range(devices)]
        addresses = [f"198.51.100.{number}" for number in range(devices)]
        votes = (in_turn(session, event, voters, address) for voters, address in zip(each, addresses, strict=True))
        return [answer for answers in await asyncio.gather(*votes) for answer in answers]


def evidence_of(owner: psycopg.Connection, event: Event, votes: int) -> list[JudgedVote]:
    """All that was stored, once it is as much as this."""
    query = "SELECT block FROM vote_evidence WHERE event_no = %s ORDER BY stored_at"

    def stored() -> list[JudgedVote]:
        blocks = owner.execute(query, [event.event_no]).fetchall()
        return [vote for (block,) in blocks for vote in unpacked(block).votes]

    eventually(lambda: len(stored()) >= votes, f"evidence of {votes} votes")
    return stored()
