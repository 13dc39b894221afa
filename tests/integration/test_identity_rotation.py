"""Signing keys rotate while people vote: two identity processes, one command process, nobody is refused."""

import asyncio
import dataclasses
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import jwt
import psycopg
import pytest

from command.identity.account_store import User
from command.identity.signing_keys import SigningKeys, key_path, load_signing_keys
from command.identity.token_mint import TokenMint as RealMint
from contract.tokens import SeedBox
from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.eventually import PATIENCE_S
from ops.rig.identity_process import PERSON, IdentityProcess, call, error_of, identity_process
from ops.rig.people import SEED_KEY, TokenMint, Voter
from ops.rig.service import Service, command_process
from ops.rig.votes import submit, vote_of

CREDENTIALS = {"username": "host", "password": "correct horse"}
OVERLAP_S = 86_400


@pytest.fixture
def identities(tmp_path: Path, identity_database: Database) -> Iterator[list[IdentityProcess]]:
    """Two processes with the same keys."""
    other, keys = tmp_path / "other", str(tmp_path / "keys")
    other.mkdir()
    url = identity_database.url("vote_identity")
    with identity_process(tmp_path, url) as one, identity_process(other, url, SIGNING_KEY_FOLDER=keys) as two:
        one.operator("make-staff", "host", "--role", "host", stdin="correct horse\n")
        yield [one, two]


@pytest.fixture
def command(
    tmp_path: Path, database: Database, mint: TokenMint, identities: list[IdentityProcess]
) -> Iterator[Service]:
    keys = f"{identities[0].url}/.well-known/jwks.json"
    with command_process(tmp_path, database.url("vote_command"), mint, JWKS_URL=keys) as process:
        yield process


@pytest.fixture
async def phones(identities: list[IdentityProcess]) -> AsyncIterator[list[aiohttp.ClientSession]]:
    async with aiohttp.ClientSession(identities[0].url) as one, aiohttp.ClientSession(identities[1].url) as two:
        yield [one, two]


@dataclasses.dataclass
class Phone:
    """Refreshes at one identity process and the other in turn, and votes with each new token."""

    identities: list[aiohttp.ClientSession]
    command: aiohttp.ClientSession
    event: Event
    refresh_token: str
    statuses: set[int] = dataclasses.field(default_factory=set)
    last_keys: dict[int, str] = dataclasses.field(default_factory=dict)

    async def refresh_and_vote(self) -> None:
        """Once at each identity process."""
        for number, identity in enumerate(self.identities):
            status, content = await call(identity, "/v1/auth/refresh", {"refresh_token": self.refresh_token})
            self.statuses.add(status)
            self.refresh_token, token = content["refresh_token"], content["token"]
            self.last_keys[number] = jwt.get_unverified_header(token)["kid"]
            voter = Voter(content["userId"], b"", token)
            status, _ = await submit(self.command, voter, vote_of(voter, self.event))
            self.statuses.add(status)

    async def go_on_until(self, done: Callable[[], bool]) -> None:
        """Not one round more than needed."""
        async with asyncio.timeout(PATIENCE_S):
            while not done():
                await self.refresh_and_vote()


async def published(identity: aiohttp.ClientSession) -> set[str]:
    _, content = await call(identity, "/.well-known/jwks.json")
    return {key["kid"] for key in content["keys"]}


async def until_published(identities: list[aiohttp.ClientSession], kids: set[str]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while any([await published(identity) != kids for identity in identities]):
            pass  # each round asks both


async def taken(command: aiohttp.ClientSession, event: Event, token: str, user_id: str) -> bool:
    voter = Voter(user_id, b"", token)
    return (await submit(command, voter, vote_of(voter, event)))[0] == 200


async def test_keys_rotate_while_people_vote(
    identities: list[IdentityProcess],
    phones: list[aiohttp.ClientSession],
    command: Service,
    owner: psycopg.Connection,
    people: psycopg.Connection,
    tmp_path: Path,
) -> None:
    """The next key is published by both, signs when its moment comes, and not one refresh or vote is refused."""
    folder, event = tmp_path / "keys", make_event(owner)
    (old_file,) = folder.iterdir()
    old_client = identities[0].client_token()
    other_device = (await call(phones[0], "/v1/auth/login", CREDENTIALS))[1]
    renewed = (await call(phones[0], "/v1/auth/refresh", {"refresh_token": other_device["refresh_token"]}))[1]
    async with aiohttp.ClientSession(command.url) as votes:
        login = (await call(phones[0], "/v1/auth/login", CREDENTIALS))[1]
        phone = Phone(phones, votes, event, login["refresh_token"])
        await phone.refresh_and_vote()

        assert identities[0].operator("rotate-key").returncode == 0
        old, new = load_signing_keys(folder).values()
        await until_published(phones, {old.kid, new.kid})
        # Command fetches the keys every five minutes, and at once when it sees a token of a key that it doesn't know.
        user = User(uuid.uuid4(), "ann", ["viewer"], secrets.token_bytes(32), None, datetime.now(UTC))
        token = RealMint(SigningKeys({0: new}, OVERLAP_S), SeedBox({1: SEED_KEY}), b"c" * 32).access(
            user, uuid.uuid4(), 900
        )
        async with asyncio.timeout(PATIENCE_S):
            while not await taken(votes, event, token, str(user.user_id)):
                await phone.refresh_and_vote()
        assert set(phone.last_keys.values()) == {old.kid}

        (new_file,) = set(folder.iterdir()) - {old_file}
        new_file = new_file.rename(key_path(folder, int(time.time())))  # a quarter of an hour passes
        await phone.go_on_until(lambda: set(phone.last_keys.values()) == {new.kid})
        await phone.refresh_and_vote()
        assert phone.statuses == {200}

        people.execute("UPDATE identity.sessions SET rotated_at = rotated_at + interval '1 minute'")  # it was just now
        repeat = (await call(phones[1], "/v1/auth/refresh", {"refresh_token": other_device["refresh_token"]}))[1]
        assert repeat["refresh_token"] == renewed["refresh_token"]

    old_file.rename(key_path(folder, 0))
    new_file.rename(key_path(folder, int(time.time()) - OVERLAP_S - 1))  # a day passes
    await until_published(phones, {new.kid})
    assert error_of(await call(phones[0], "/v1/auth/validate", bearer=login["token"])) == (401, "unauthorized", "")
    assert (await call(phones[0], "/v1/auth/validate", bearer=repeat["token"]))[0] == 200
    assert (await call(phones[1], "/v1/auth/register", PERSON, old_client))[0] == 201


async def test_a_key_that_leaked_goes_by_its_file(
    identities: list[IdentityProcess], phones: list[aiohttp.ClientSession], tmp_path: Path
) -> None:
    """Its file deleted, it isn't published any more and its tokens end; a folder without any key changes nothing."""
    (leaked_file,) = (tmp_path / "keys").iterdir()
    login = (await call(phones[0], "/v1/auth/login", CREDENTIALS))[1]
    assert identities[0].operator("rotate-key").returncode == 0
    leaked, new = load_signing_keys(tmp_path / "keys").values()
    leaked_file.unlink()
    await until_published(phones, {new.kid})
    assert error_of(await call(phones[0], "/v1/auth/validate", bearer=login["token"])) == (401, "unauthorized", "")
    for path in (tmp_path / "keys").iterdir():
        path.unlink()
    identities[0].process.wait_for("can't read the signing keys")
    _, again = await call(phones[0], "/v1/auth/login", CREDENTIALS)
    assert jwt.get_unverified_header(again["token"])["kid"] == new.kid != leaked.kid
