"""Challenges in exchange for a registration: a real identity process on a real Postgres."""

import asyncio
import base64
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import psycopg
import pytest

from contract.challenge import Aim, Challenger
from contract.errors import ChallengeInvalid
from contract.tokens import CHALLENGE_TYPE, KeySet
from ops.rig.challenges import solve
from ops.rig.database import Database
from ops.rig.identity_process import PERSON, IdentityProcess, call, error_of, identity_process
from ops.rig.people import CHALLENGE_KEY

OTHER = PERSON | {"username": "Grace", "email": "grace@example.org"}
INVALID = (400, "challenge_invalid", "")


@pytest.fixture
def identity(tmp_path: Path, identity_database: Database) -> Iterator[IdentityProcess]:
    with identity_process(tmp_path, identity_database.url("vote_identity")) as process:
        yield process


async def solved(session: aiohttp.ClientSession, wanted: object = None) -> str:
    status, challenge = await call(session, "/v1/auth/challenge", wanted or {})
    assert status == 200
    return await asyncio.to_thread(solve, challenge)


async def exchanged(session: aiohttp.ClientSession, payload: str) -> tuple[int, dict[str, Any]]:
    return await call(session, "/v1/auth/challenge/solution", {"payload": payload})


def a_voter(identity: IdentityProcess) -> tuple[str, str]:
    line = identity.operator("voters", "--count", "1").stdout
    return line.split('"user_id":"')[1].split('"')[0], line.split('"token":"')[1].split('"')[0]


async def test_a_solved_challenge_registers_one_person(identity: IdentityProcess) -> None:
    """Its token is for one registration: that again is answered alike, another is refused, whatever it takes."""
    async with aiohttp.ClientSession(identity.url) as session:
        status, given = await exchanged(session, await solved(session))
        assert (status, given["expires_in"]) == (200, 900)
        first = await call(session, "/v1/auth/register", PERSON, given["token"])
        again = await call(session, "/v1/auth/register", PERSON, given["token"])
        other = await call(session, "/v1/auth/register", OTHER, given["token"])
        changed = await call(session, "/v1/auth/register", PERSON | {"password": "another password"}, given["token"])
    assert first[0] == 201
    assert first == again
    assert error_of(other) == error_of(changed) == (401, "unauthorized", "")


async def test_a_name_that_is_taken_does_not_use_the_token_up(identity: IdentityProcess) -> None:
    """Somebody who has to choose another name needs no other challenge."""
    async with aiohttp.ClientSession(identity.url) as session:
        await call(session, "/v1/auth/register", PERSON, identity.client_token())
        _, given = await exchanged(session, await solved(session))
        taken = await call(session, "/v1/auth/register", OTHER | {"username": "ADA"}, given["token"])
        assert error_of(taken) == (409, "taken", "")
        assert (await call(session, "/v1/auth/register", OTHER, given["token"]))[0] == 201


async def test_simultaneous_registrations_with_one_token(identity: IdentityProcess, people: psycopg.Connection) -> None:
    """Shared between many, it makes one person."""
    async with aiohttp.ClientSession(identity.url) as session:
        _, given = await exchanged(session, await solved(session))
        persons = [PERSON | {"username": f"Ada {number}", "email": f"ada{number}@example.org"} for number in range(8)]
        answers = await asyncio.gather(
            *(call(session, "/v1/auth/register", person, given["token"]) for person in persons)
        )
    assert sorted(status for status, _ in answers) == [201] + [401] * 7
    assert people.execute("SELECT count(*) FROM identity.users").fetchone() == (1,)


async def test_a_solution_is_taken_once(identity: IdentityProcess) -> None:
    """Replayed, shared between many clients, or sent to a process that has just started: one token."""
    async with aiohttp.ClientSession(identity.url) as session:
        payload = await solved(session)
        answers = await asyncio.gather(*(exchanged(session, payload) for _ in range(10)))
        assert sorted(status for status, _ in answers) == [200] + [400] * 9
        assert {error_of(answer) for answer in answers if answer[0] == 400} == {INVALID}
    identity.process.kill()
    identity.process.start()
    async with aiohttp.ClientSession(identity.url) as session:
        assert error_of(await exchanged(session, payload)) == INVALID


async def test_solutions_of_no_use(identity: IdentityProcess) -> None:
    """Nonsense, an expired one, one for another purpose, and one of somebody else's key."""
    challenger, now = Challenger({1: CHALLENGE_KEY}), int(time.time())
    foreign = Challenger({1: b"x" * 32})
    async with aiohttp.ClientSession(identity.url) as session:
        payloads = [
            "",
            "AAAA",
            solve_of(challenger, Aim("register"), now - 1),
            solve_of(foreign, Aim("register"), now + 60),
            await solved(session, {"purpose": "login"}),
            solve_of(challenger, Aim("vote", str(uuid.uuid4()), str(uuid.uuid4())), now + 60),
        ]
        for payload in payloads:
            assert error_of(await exchanged(session, payload)) == INVALID
        assert (await exchanged(session, solve_of(challenger, Aim("register"), now + 60)))[0] == 200


def solve_of(challenger: Challenger, aim: Aim, expires_at: int) -> str:
    return solve(msgspec.to_builtins(challenger.make(aim, 10, 1, expires_at)))


async def test_a_vote_challenge_is_its_voters(identity: IdentityProcess) -> None:
    """It needs the voter's token and an event, and is bound to both."""
    user_id, token = a_voter(identity)
    event_id = str(uuid.uuid4())
    wanted = {"purpose": "vote", "event_id": event_id.upper()}
    async with aiohttp.ClientSession(identity.url) as session:
        assert error_of(await call(session, "/v1/auth/challenge", wanted))[:2] == (401, "unauthorized")
        without = await call(session, "/v1/auth/challenge", {"purpose": "vote"}, token)
        assert error_of(without) == (400, "missing_field", "event_id")
        status, challenge = await call(session, "/v1/auth/challenge", wanted, token)
    assert status == 200
    payload = solve(challenge)
    challenger = Challenger({1: CHALLENGE_KEY})
    assert challenger.check(payload, Aim("vote", event_id, user_id))
    with pytest.raises(ChallengeInvalid):
        challenger.check(payload, Aim("vote", event_id, str(uuid.uuid4())))


@pytest.mark.parametrize("wanted", [{"purpose": "admin"}, {"purpose": 1}, {"purpose": "vote", "event_id": "x"}])
async def test_challenges_for_nothing(identity: IdentityProcess, wanted: object) -> None:
    """A purpose or event that can't be is a bad field; an empty body asks for one to register."""
    async with aiohttp.ClientSession(identity.url) as session:
        assert error_of(await call(session, "/v1/auth/challenge", wanted))[:2] == (400, "invalid_field")
        async with session.post("/v1/auth/challenge") as response:
            assert (await response.json())["parameters"]["data"]["purpose"] == "register"


async def test_the_token_of_a_challenge_is_for_registering_only(identity: IdentityProcess) -> None:
    """It is no person's token, and no other token is one of a challenge."""
    async with aiohttp.ClientSession(identity.url) as session:
        _, given = await exchanged(session, await solved(session))
        assert error_of(await call(session, "/v1/auth/validate", bearer=given["token"]))[:2] == (401, "unauthorized")
        _, jwks = await call(session, "/.well-known/jwks.json")
    keys = KeySet()
    keys.replace(jwks)
    claims = keys.claims(given["token"], CHALLENGE_TYPE)
    assert (claims.sub, claims.purpose, claims.roles, claims.seed) == ("", "register", [], "")


async def test_expired_token_of_a_challenge(tmp_path: Path, identity_database: Database) -> None:
    """It ends after its time."""
    url = identity_database.url("vote_identity")
    with identity_process(tmp_path, url, CHALLENGE_TOKEN_SECONDS="0") as identity:
        async with aiohttp.ClientSession(identity.url) as session:
            _, given = await exchanged(session, await solved(session))
            assert error_of(await call(session, "/v1/auth/register", PERSON, given["token"]))[0] == 401


async def test_solutions_of_long_ago_make_room(identity: IdentityProcess, people: psycopg.Connection) -> None:
    """Each solution deletes more of the expired than it adds; those that may still come again stay."""
    people.execute(
        "INSERT INTO identity.burned_challenges SELECT uuid_send(gen_random_uuid()), clock_timestamp() - age"
        " FROM generate_series(1, 30), unnest(ARRAY[interval '61 minutes', interval '59 minutes']) age"
    )
    async with aiohttp.ClientSession(identity.url) as session:
        for _ in range(2):
            assert (await exchanged(session, await solved(session)))[0] == 200
    old, kept = people.execute(
        "SELECT count(*) FILTER (WHERE expires_at < clock_timestamp() - interval '1 hour'), count(*)"
        " FROM identity.burned_challenges"
    ).fetchone() or (None, None)
    assert (old, kept) == (0, 32)


async def test_many_challenges_for_one_network(tmp_path: Path, identity_database: Database) -> None:
    """They get harder with their number, for the addresses of one household together, until there are no more."""
    url = identity_database.url("vote_identity")
    limits = {
        "CHALLENGES_EASY_PER_NETWORK": "2",
        "CHALLENGES_PER_NETWORK_MAX": "20",
        "CHALLENGE_WINDOW_SECONDS": "9999",
    }
    with identity_process(tmp_path, url, CHALLENGE_ITERATIONS="1", **limits) as identity:
        async with aiohttp.ClientSession(identity.url) as session:
            addresses = [f"2001:db8:1:1::{number:x}" for number in range(1, 25)]
            answers = [await asked_from(session, address) for address in addresses]
            assert [status for status, _ in answers] == [200] * 20 + [429] * 4
            assert 0 < int(answers[-1][1]["retry_after"]) <= 9999
            assert (await asked_from(session, "2001:db8:1:2::1"))[0] == 200
    first, last = (counter_of(answers[index][1]) for index in (0, 19))
    assert first < 8
    assert last >= 40


async def asked_from(session: aiohttp.ClientSession, address: str) -> tuple[int, dict[str, Any]]:
    async with session.post("/v1/auth/challenge", json={}, headers={"X-Forwarded-For": address}) as response:
        content = await response.json()
        return response.status, content | {"retry_after": response.headers.get("Retry-After")}


def counter_of(challenge: dict[str, Any]) -> int:
    return int(json.loads(base64.b64decode(solve(challenge)))["solution"]["counter"])
