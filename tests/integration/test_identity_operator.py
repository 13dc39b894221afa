"""The operator's command line, and what identity does while Postgres is away."""

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import psycopg
import pytest

from command.identity.signing_keys import load_signing_keys
from contract.tokens import KeySet, SeedBox
from ops.rig.database import Database
from ops.rig.eventually import PATIENCE_S
from ops.rig.identity_process import PERSON, IdentityProcess, call, error_of, identity_process
from ops.rig.people import SEED_KEY
from ops.rig.postgres import RunningPostgres


@pytest.fixture
def identity(tmp_path: Path, identity_database: Database) -> Iterator[IdentityProcess]:
    with identity_process(tmp_path, identity_database.url("vote_identity")) as process:
        yield process


async def keys_of(session: aiohttp.ClientSession) -> KeySet:
    keys = KeySet()
    keys.replace((await call(session, "/.well-known/jwks.json"))[1])
    return keys


async def test_voters_in_bulk_can_vote(identity: IdentityProcess, identity_database: Database) -> None:
    """Each printed line is a person in the database with a valid token that carries that person's seed."""
    done = identity.operator("voters", "--count", "1001", "--prefix", "audience")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    async with aiohttp.ClientSession(identity.url) as session:
        keys = await keys_of(session)
    callers = [keys.caller(line["token"]) for line in lines]
    with psycopg.connect(identity_database.url()) as connection:
        rows = connection.execute("SELECT user_id::text, voter_seed, username FROM identity.users").fetchall()
    assert len(lines) == 1001
    assert {(caller.user_id, SeedBox({1: SEED_KEY}).open(caller)) for caller in callers} == {row[:2] for row in rows}
    assert [line["user_id"] for line in lines] == [caller.user_id for caller in callers]
    assert all(row[2].startswith("audience-") for row in rows)


async def test_staff_is_made_once_and_changed_on_demand(identity: IdentityProcess) -> None:
    """The same line again touches nothing; a new password or role counts at once and ends the sessions."""
    async with aiohttp.ClientSession(identity.url) as session:
        made = identity.operator("make-staff", "boss", "--role", "admin", stdin="correct horse\n")
        _, login = await call(session, "/v1/auth/login", {"username": "boss", "password": "correct horse"})
        again = identity.operator("make-staff", "boss", "--role", "admin", stdin="correct horse\n")
        boss = {"user_id": login["userId"], "username": "boss", "code": None}
        assert json.loads(made.stdout) == json.loads(again.stdout) == boss
        status, login = await call(session, "/v1/auth/refresh", {"refresh_token": login["refresh_token"]})
        assert status == 200
        changed = ("make-staff", "boss", "--role", "host", "--role", "auditor")
        assert "last admin" in identity.operator(*changed, stdin="battery staple\n").stderr
        identity.operator("make-staff", "other", "--role", "admin", stdin="correct horse\n")
        alike = identity.operator("make-staff", "b\u043ess", "--role", "admin", stdin="correct horse\n")
        assert (alike.returncode, len(alike.stderr.splitlines())) == (1, 1)
        identity.operator(*changed, stdin="battery staple\n")
        answer = await call(session, "/v1/auth/refresh", {"refresh_token": login["refresh_token"]})
        assert error_of(answer) == (401, "unauthorized", "")
        old = await call(session, "/v1/auth/login", {"username": "boss", "password": "correct horse"})
        assert error_of(old) == (401, "bad_credentials", "")
        _, login = await call(session, "/v1/auth/login", {"username": "boss", "password": "battery staple"})
        assert (await keys_of(session)).caller(login["token"]).roles == {"host", "auditor"}


def test_one_next_key_at_a_time(identity: IdentityProcess) -> None:
    """rotate-key makes the next key and says where; again, while it waits, is one line and no key."""
    made = json.loads(identity.operator("rotate-key").stdout)
    assert made["deleted"] == []
    assert load_signing_keys(Path(made["made"]).parent).keys()
    refused = identity.operator("rotate-key")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert len([*Path(made["made"]).parent.iterdir()]) == 2


def test_voters_tokens_end_before_their_key(identity: IdentityProcess) -> None:
    """Tokens for longer than an old key stays public, or a revocation is kept, are refused by one line."""
    long = dataclasses.replace(identity, env=identity.env | {"SIGNING_KEY_OVERLAP_SECONDS": "2592000"})
    for each, hours in (identity, "25"), (long, "169"):
        refused = each.operator("voters", "--count", "1", "--hours", hours)
        assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (2, "", 1)


def test_wrong_settings_are_one_line(identity: IdentityProcess, tmp_path: Path) -> None:
    """A missing variable, a folder and a file that hold no key stop the process with a line that names the variable."""
    for change in (
        {"IDENTITY_DATABASE_URL": ""},
        {"SIGNING_KEY_FOLDER": str(tmp_path / "none")},
        {"SEED_KEY_FILE": "/no"},
    ):
        done = dataclasses.replace(identity, env=identity.env | change).start_anew()
        assert done.returncode == 2
        assert next(iter(change)) in done.stderr
        assert len(done.stderr.splitlines()) == 1


async def test_identity_outlives_postgres(identity: IdentityProcess, database_server: RunningPostgres) -> None:
    """While Postgres is away calls are 503 with Retry-After and it isn't ready; then all goes on as it was."""
    token = identity.client_token()
    database_server.process.kill()
    try:
        async with aiohttp.ClientSession(identity.url) as session:
            answer = await call(session, "/v1/auth/register", PERSON, token)
            assert error_of(answer) == (503, "busy", "")
            async with session.post("/v1/auth/login", json=PERSON) as response:
                assert (response.status, response.headers["Retry-After"]) == (503, "1")
            assert (await call(session, "/ready"))[0] == 503
            assert (await call(session, "/.well-known/jwks.json"))[0] == 200
    finally:
        database_server.process.start()
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession(identity.url) as session:
        while (await call(session, "/ready"))[0] != 200:
            pass  # each try waits for a connection
        assert (await call(session, "/v1/auth/register", PERSON, token))[0] == 201


async def test_identity_starts_before_postgres(
    tmp_path: Path, identity_database: Database, database_server: RunningPostgres
) -> None:
    """A process that was started while Postgres was away becomes ready when it is there."""
    database_server.process.kill()
    try:
        with identity_process(tmp_path, identity_database.url("vote_identity")) as identity:
            async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession(identity.url) as session:
                assert (await call(session, "/ready"))[0] == 503
                database_server.process.start()
                while (await call(session, "/ready"))[0] != 200:
                    pass  # each try waits for a connection
    finally:
        database_server.process.stop()
        database_server.process.start()
