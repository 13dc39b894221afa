"""How often somebody may try to log in or register, on a real identity process and a real Valkey."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import aiohttp
import pytest

from ops.rig.challenges import solve
from ops.rig.database import Database
from ops.rig.identity_process import PERSON, IdentityProcess, call, error_of, identity_process

AIMS = ("login", "register")
Start = Callable[..., AbstractContextManager[IdentityProcess]]


@pytest.fixture
def start(tmp_path: Path, identity_database: Database) -> Start:
    return lambda **settings: identity_process(tmp_path, identity_database.url("vote_identity"), **settings)


def credentials(name: str, password: str = "wrong horse") -> dict[str, str]:  # noqa: S107  # wrong on purpose
    return {"username": name, "password": password}


@pytest.fixture
def strict(start: Start, redis_url: str) -> Iterator[IdentityProcess]:
    limits = {"LOGINS_PER_ACCOUNT": "3 per 1 hour", "LOGINS_PER_ADDRESS": "12 per 1 hour"}
    with start(REDIS_URL=redis_url, REGISTRATIONS_PER_ADDRESS="2 per 1 hour", **limits) as process:
        yield process


@pytest.fixture
async def session(strict: IdentityProcess) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(strict.url) as session:
        yield session


@pytest.mark.parametrize("name", ["Ada", "nobody"], ids=["known", "unknown"])
async def test_an_account_has_a_limit(strict: IdentityProcess, session: aiohttp.ClientSession, name: str) -> None:
    """The fourth wrong password in a row is 429 and says when to come back, whether the name exists or not."""
    await call(session, "/v1/auth/register", PERSON, strict.client_token())
    statuses = [(await call(session, "/v1/auth/login", credentials(name)))[0] for _ in range(3)]
    async with session.post("/v1/auth/login", json=credentials(name.upper())) as response:
        assert response.status == 429
        assert 0 < int(response.headers["Retry-After"]) <= 3601
    assert statuses == [401, 401, 401]
    assert (await call(session, "/v1/auth/login", credentials("somebody else")))[0] == 401


async def test_every_spelling_of_a_name_counts_for_its_account(
    strict: IdentityProcess, session: aiohttp.ClientSession
) -> None:
    """Whatever the database takes for the same name is one account here, too: nobody guesses on by another spelling."""
    await call(session, "/v1/auth/register", {**PERSON, "username": "\u0130pek"}, strict.client_token())
    for spelled in ("IPEK", "ip\u200dek", "\u0131pe\u200ck\ufe0f"):
        assert (await call(session, "/v1/auth/login", credentials(spelled)))[0] == 401
    assert (await call(session, "/v1/auth/login", credentials("\uff29pek")))[0] == 429


async def test_the_owner_empties_the_window(strict: IdentityProcess, session: aiohttp.ClientSession) -> None:
    """A right password in time: whoever guessed before is forgotten."""
    await call(session, "/v1/auth/register", PERSON, strict.client_token())
    right = credentials("Ada", PERSON["password"])
    tries = [credentials("Ada"), credentials("Ada"), right, credentials("Ada"), credentials("Ada"), right]
    assert [(await call(session, "/v1/auth/login", each))[0] for each in tries] == [401, 401, 200, 401, 401, 200]


async def test_a_solved_challenge_lets_the_owner_in(strict: IdentityProcess, session: aiohttp.ClientSession) -> None:
    """Whose account others have driven into its limit solves one and is in; it is taken once, and for a login only."""
    await call(session, "/v1/auth/register", PERSON, strict.client_token())
    for _ in range(3):
        await call(session, "/v1/auth/login", credentials("Ada"))
    right = credentials("Ada", PERSON["password"])
    assert (await call(session, "/v1/auth/login", right))[0] == 429
    login, register = [solve((await call(session, "/v1/auth/challenge", {"purpose": each}))[1]) for each in AIMS]
    refused = await call(session, "/v1/auth/login", right | {"challenge": register})
    assert error_of(refused) == (400, "challenge_invalid", "")
    wrong = await call(session, "/v1/auth/login", credentials("Ada") | {"challenge": login})
    assert error_of(wrong) == (401, "bad_credentials", "")
    used = await call(session, "/v1/auth/login", right | {"challenge": login})
    assert error_of(used) == (400, "challenge_invalid", "")
    another = solve((await call(session, "/v1/auth/challenge", {"purpose": "login"}))[1])
    assert (await call(session, "/v1/auth/login", right | {"challenge": another}))[0] == 200


async def test_an_address_has_a_limit(session: aiohttp.ClientSession) -> None:
    """It is counted over all accounts, so that one can't try one password everywhere."""
    for number in range(12):
        assert (await call(session, "/v1/auth/login", credentials(f"name {number}")))[0] == 401
    assert error_of(await call(session, "/v1/auth/login", credentials("one more"))) == (429, "too_many", "")


async def test_registrations_have_a_limit(strict: IdentityProcess, session: aiohttp.ClientSession) -> None:
    """Of one address, in all."""
    token = strict.client_token()
    people = [{**PERSON, "username": f"name {n}", "email": f"name{n}@example.org"} for n in range(3)]
    assert [(await call(session, "/v1/auth/register", each, token))[0] for each in people] == [201, 201, 429]


async def test_without_redis_nothing_is_limited(start: Start) -> None:
    """Logins go on, and a metric counts them."""
    with start(REDIS_URL="redis://127.0.0.1:1/0", LOGINS_PER_ACCOUNT="1 per 1 hour") as process:
        async with aiohttp.ClientSession(process.url) as session:
            for _ in range(3):
                assert (await call(session, "/v1/auth/login", credentials("Ada")))[0] == 401
            async with session.get("/metrics") as response:
                assert "vote_login_attempts_unlimited_total 6.0" in await response.text()
