"""Second factors where they are required, on a real identity process: codes, passkeys, and who tries to cheat."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pyotp
import pytest

from command.identity.factor_store import CODE_TRIES_MAX
from ops.rig.authenticator import PRESENT, Authenticator
from ops.rig.database import Database
from ops.rig.identity_process import PERSON, IdentityProcess, call, error_of, identity_process

ORIGIN = "https://show.test"
HOST = {"username": "host", "password": "correct horse"}
FACTORS = "/v1/auth/factors"


@pytest.fixture
def identity(tmp_path: Path, identity_database: Database) -> Iterator[IdentityProcess]:
    strict = {"STAFF_SECOND_FACTOR": "required", "PASSKEY_ORIGINS": ORIGIN}
    with identity_process(tmp_path, identity_database.url("vote_identity"), **strict) as process:
        yield process


@pytest.fixture
def given(identity: IdentityProcess) -> str:
    """The code with which the host logs in first, as whoever gave the role got it."""
    made = identity.operator("make-staff", "host", "--role", "host", "--role", "auditor", stdin="correct horse\n")
    return str(json.loads(made.stdout)["code"])


@pytest.fixture
async def session(identity: IdentityProcess) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(identity.url) as session:
        yield session


async def log_in(session: aiohttp.ClientSession, state: str, code: str | None = None) -> dict[str, Any]:
    status, content = await call(session, "/v1/auth/login", HOST | ({"code": code} if code else {}))
    assert (status, content["second_factor"]) == (200, state)
    return content


async def roles_of(session: aiohttp.ClientSession, token: str) -> list[str]:
    status, content = await call(session, "/v1/auth/validate", bearer=token)
    assert status == 200
    return list(content["roles"])


async def refreshed(session: aiohttp.ClientSession, login: dict[str, Any]) -> dict[str, Any]:
    status, content = await call(session, "/v1/auth/refresh", {"refresh_token": login["refresh_token"]})
    assert status == 200
    return content


async def enrol_app(session: aiohttp.ClientSession, token: str) -> tuple[pyotp.TOTP, list[str]]:
    """An app whose first code was confirmed, and the recovery codes."""
    status, new = await call(session, f"{FACTORS}/totp", {}, token)
    assert status == 201, new
    app = pyotp.parse_uri(new["uri"])
    assert isinstance(app, pyotp.TOTP)
    assert (app.name, app.secret) == ("host", new["secret"])
    status, added = await call(session, f"{FACTORS}/totp/confirm", {"code": app.now()}, token)
    assert status == 200, added
    return app, added["recovery_codes"]


def next_code(app: pyotp.TOTP) -> str:
    """Of the next half minute, which is taken already."""
    return app.at(int(time.time()) + 30)


async def add_passkey(session: aiohttp.ClientSession, token: str, passkey: Authenticator) -> tuple[int, Any]:
    options = (await call(session, f"{FACTORS}/passkey/options", {}, token))[1]["options"]
    return await call(session, f"{FACTORS}/passkey", {"credential": passkey.create(options), "name": "key"}, token)


async def to_show(session: aiohttp.ClientSession, token: str) -> dict[str, Any]:
    status, content = await call(session, f"{FACTORS}/show/options", {}, token)
    assert status == 200
    return dict(content["options"])


async def status_of_show(session: aiohttp.ClientSession, token: str, **proof: Any) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    async with session.post(f"{FACTORS}/show", json=proof, headers=headers) as response:
        return response.status


async def status_of_passkey(session: aiohttp.ClientSession, token: str, passkey: Authenticator) -> int:
    return await status_of_show(session, token, credential=passkey.get(await to_show(session, token)))


async def test_a_password_alone_is_no_role(
    given: str, identity: IdentityProcess, session: aiohttp.ClientSession
) -> None:
    """Who has it is a viewer, through every refresh, and can't set up a factor; a code of whoever gave the role can.

    Nor can a viewer, who may get a role some day.
    """
    stolen = await log_in(session, "missing")
    assert await roles_of(session, stolen["token"]) == ["viewer"]
    stolen = await refreshed(session, stolen)
    assert (stolen["second_factor"], await roles_of(session, stolen["token"])) == ("missing", ["viewer"])
    await call(session, "/v1/auth/register", PERSON, identity.client_token())
    viewer = (await call(session, "/v1/auth/login", {name: PERSON[name] for name in ("username", "password")}))[1]
    assert error_of(await call(session, f"{FACTORS}/totp", {}, viewer["token"])) == (403, "forbidden", "")
    for path in ("totp", "passkey/options"):
        assert error_of(await call(session, f"{FACTORS}/{path}", {}, stolen["token"])) == (403, "forbidden", "")
    assert error_of(await call(session, f"{FACTORS}/totp", {}, stolen["token"])) == (403, "forbidden", "")
    owner = await log_in(session, "shown", given)
    assert await roles_of(session, owner["token"]) == ["auditor", "host"]
    refused = await call(session, "/v1/auth/login", HOST | {"code": given})
    assert error_of(refused) == (401, "bad_credentials", "")


async def test_codes_of_an_app(given: str, session: aiohttp.ClientSession, people: psycopg.Connection) -> None:
    """Each is taken once, also when several send it at the same moment; the secret isn't in the database."""
    owner = await log_in(session, "shown", given)
    app, recovery = await enrol_app(session, owner["token"])
    assert len(recovery) == 10
    (stored,) = people.execute("SELECT secret FROM identity.factors").fetchone() or (b"",)
    assert app.secret.encode() not in stored
    half = await log_in(session, "needed")
    assert await roles_of(session, half["token"]) == ["viewer"]
    code = next_code(app)
    tries = await asyncio.gather(*(call(session, "/v1/auth/login", HOST | {"code": code}) for _ in range(5)))
    assert sorted(status for status, _ in tries) == [200, 401, 401, 401, 401]
    full = await refreshed(session, next(content for status, content in tries if status == 200))
    assert (full["second_factor"], await roles_of(session, full["token"])) == ("shown", ["auditor", "host"])
    assert await status_of_show(session, half["token"], code=code) == 401
    assert await status_of_show(session, half["token"], code=recovery[0]) == 204
    assert await roles_of(session, (await refreshed(session, half))["token"]) == ["auditor", "host"]
    assert await status_of_show(session, half["token"], code=recovery[0]) == 401


async def test_codes_are_not_guessed(given: str, session: aiohttp.ClientSession) -> None:
    """After so many none is looked at, by whatever call, nor a right one; without any Redis. A recovery code is."""
    owner = await log_in(session, "shown", given)
    app, recovery = await enrol_app(session, owner["token"])
    half = await log_in(session, "needed")
    tries = [await status_of_show(session, half["token"], code="0000000") for _ in range(CODE_TRIES_MAX + 1)]
    assert tries == [401] * CODE_TRIES_MAX + [429]
    async with session.post("/v1/auth/login", json=HOST | {"code": next_code(app)}) as response:
        assert response.status == 429
        assert int(response.headers["Retry-After"]) > 0
    await log_in(session, "shown", recovery[0])


async def test_passkeys(given: str, session: aiohttp.ClientSession, people: psycopg.Connection) -> None:
    """One that is shown gives the roles; another page's, one that didn't ask its person, and a copy don't."""
    owner = await log_in(session, "shown", given)
    passkey = Authenticator(ORIGIN, "show.test")
    for wrong in (Authenticator("https://show.test.evil.test", "show.test"), Authenticator(ORIGIN, "evil.test")):
        assert error_of(await add_passkey(session, owner["token"], wrong)) == (400, "invalid_field", "credential")
    status, added = await add_passkey(session, owner["token"], passkey)
    assert (status, len(added["recovery_codes"])) == (201, 10)
    half = await log_in(session, "needed")

    answered = passkey.get(await to_show(session, half["token"]))
    assert await status_of_show(session, half["token"], credential=answered) == 204
    assert await roles_of(session, (await refreshed(session, half))["token"]) == ["auditor", "host"]
    assert await status_of_show(session, half["token"], credential=answered) == 403  # a challenge is taken once

    passkey.origin = "https://evil.test"
    assert await status_of_passkey(session, half["token"], passkey) == 403
    passkey.origin, passkey.flags = ORIGIN, PRESENT
    assert await status_of_passkey(session, half["token"], passkey) == 403
    clone = Authenticator(ORIGIN, "show.test")
    vars(clone).update(vars(passkey) | {"flags": clone.flags, "counter": 0})
    assert await status_of_passkey(session, half["token"], clone) == 403
    enrolling = (await call(session, f"{FACTORS}/passkey/options", {}, owner["token"]))[1]["options"]
    passkey.flags = clone.flags
    assert await status_of_show(session, half["token"], credential=passkey.get(enrolling)) == 400  # of another purpose
    again = passkey.get(await to_show(session, half["token"]))
    people.execute("UPDATE identity.factors SET counter = 1000")
    assert await status_of_show(session, half["token"], credential=again) == 403
    for nonsense in ({}, {"rawId": 1}, {**again, "response": {"clientDataJSON": "AA"}}):
        assert await status_of_show(session, half["token"], credential=nonsense) in (400, 403)


async def test_whose_passkey_it_is(given: str, identity: IdentityProcess, session: aiohttp.ClientSession) -> None:
    """Nobody shows another's, or takes it for a second account."""
    owner = await log_in(session, "shown", given)
    passkey = Authenticator(ORIGIN, "show.test")
    assert (await add_passkey(session, owner["token"], passkey))[0] == 201
    made = identity.operator("make-staff", "ada", "--role", "host", stdin="correct horse\n")
    ada = HOST | {"username": "ada", "code": json.loads(made.stdout)["code"]}
    token = (await call(session, "/v1/auth/login", ada))[1]["token"]
    assert error_of(await add_passkey(session, token, passkey)) == (409, "taken", "")
    assert await status_of_passkey(session, token, passkey) == 403
    theirs = passkey.get(await to_show(session, owner["token"]))
    assert await status_of_show(session, token, credential=theirs) == 403


async def test_what_is_removed_and_how(
    given: str, identity: IdentityProcess, session: aiohttp.ClientSession, people: psycopg.Connection
) -> None:
    """By who has just shown one, or by the operator; adding takes a fresh login; each is in the log."""
    owner = await log_in(session, "shown", given)
    _, recovery = await enrol_app(session, owner["token"])
    status, renewed = await call(session, f"{FACTORS}/recovery-codes", {}, owner["token"])
    assert (status, len(renewed["recovery_codes"])) == (200, 10)
    assert await status_of_show(session, owner["token"], code=recovery[0]) == 401
    (factor,) = (await call(session, FACTORS, bearer=owner["token"]))[1]["factors"]
    half = await log_in(session, "needed")
    url = f"{FACTORS}/{factor['factor_id']}"
    people.execute("UPDATE identity.sessions SET factor_at = factor_at - interval '11 minutes'")
    for token in (half["token"], owner["token"]):
        async with session.delete(url, headers={"Authorization": f"Bearer {token}"}) as response:
            assert response.status == 403
    assert await status_of_show(session, owner["token"], code=renewed["recovery_codes"][0]) == 204
    people.execute("UPDATE identity.sessions SET started_at = started_at - interval '11 minutes'")
    assert error_of(await call(session, f"{FACTORS}/totp", {}, owner["token"])) == (403, "forbidden", "")
    async with session.delete(url, headers={"Authorization": f"Bearer {owner['token']}"}) as response:
        assert response.status == 204
    await log_in(session, "missing")
    given = json.loads(identity.operator("reset-factors", "host").stdout)["code"]
    assert error_of(await call(session, "/v1/auth/validate", bearer=owner["token"]))[0] == 401
    await log_in(session, "shown", given)
    lines = people.execute("SELECT action, role FROM identity.audit_log ORDER BY audit_no").fetchall()
    assert lines[-5:] == [
        ("factor.add", "self"),
        ("factor.codes", "self"),
        ("factor.remove", "self"),
        ("factor.reset", "operator"),
        ("factor.code", "operator"),
    ]
