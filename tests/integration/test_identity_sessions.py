"""Refresh tokens: they rotate, an honest client is never locked out, a stolen one is noticed."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import aiohttp
import psycopg
import pytest

from ops.rig.database import Database
from ops.rig.eventually import eventually
from ops.rig.identity_process import IdentityProcess, call, error_of, identity_process

CREDENTIALS = {"username": "host", "password": "correct horse"}
REFUSED = (401, "unauthorized", "")


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory, shared_people: Database) -> Iterator[IdentityProcess]:
    with identity_process(tmp_path_factory.mktemp("identity"), shared_people.url("vote_identity")) as process:
        process.operator("make-staff", "host", "--role", "host", stdin="correct horse\n")
        yield process


@pytest.fixture
async def session(identity: IdentityProcess, shared_people: Database) -> AsyncIterator[aiohttp.ClientSession]:
    """Towards a process that has no sessions."""
    with psycopg.connect(shared_people.url()) as connection:
        connection.execute("DELETE FROM identity.sessions")
    async with aiohttp.ClientSession(identity.url) as client:
        yield client


async def login(session: aiohttp.ClientSession) -> str:
    status, content = await call(session, "/v1/auth/login", CREDENTIALS)
    assert status == 200
    return str(content["refresh_token"])


async def refresh(session: aiohttp.ClientSession, token: str) -> str:
    status, content = await call(session, "/v1/auth/refresh", {"refresh_token": token})
    assert status == 200
    return str(content["refresh_token"])


async def refused(session: aiohttp.ClientSession, token: str) -> bool:
    return error_of(await call(session, "/v1/auth/refresh", {"refresh_token": token})) == REFUSED


def let_seconds_pass(shared_people: Database, seconds: int) -> None:
    with psycopg.connect(shared_people.url()) as connection:
        connection.execute(
            "UPDATE identity.sessions SET rotated_at = rotated_at - make_interval(secs => %(s)s),"
            " expires_at = expires_at - make_interval(secs => %(s)s), earlier_rotations ="
            " ARRAY(SELECT each - make_interval(secs => %(s)s) FROM unnest(earlier_rotations) each ORDER BY each DESC)",
            {"s": seconds},
        )


async def test_refresh_gives_a_new_session_of_the_same_person(session: aiohttp.ClientSession) -> None:
    """The new access token is valid and says the same; only the newest refresh token goes on."""
    first = await login(session)
    status, content = await call(session, "/v1/auth/refresh", {"refresh_token": first})
    assert status == 200
    assert content["refresh_token"] != first
    status, who = await call(session, "/v1/auth/validate", bearer=content["token"])
    assert (status, who["user_id"], who["roles"]) == (200, content["userId"], ["host"])
    await refresh(session, content["refresh_token"])


async def test_simultaneous_refreshes_lock_nobody_out(session: aiohttp.ClientSession, shared_people: Database) -> None:
    """A phone that refreshes several times at once gets one and the same successor, which goes on working."""
    first = await login(session)
    successors = await asyncio.gather(*(refresh(session, first) for _ in range(8)))
    assert len(set(successors)) == 1
    let_seconds_pass(shared_people, 60)
    await refresh(session, successors[0])


async def test_previous_token_is_honoured_for_ten_seconds(
    session: aiohttp.ClientSession, shared_people: Database
) -> None:
    """Nine seconds later it still gets the successor."""
    first = await login(session)
    second = await refresh(session, first)
    let_seconds_pass(shared_people, 9)
    assert await refresh(session, first) == second


async def test_reuse_ends_the_family(session: aiohttp.ClientSession, shared_people: Database) -> None:
    """A token that was used up comes again: it and the family's newest are refused; other devices go on."""
    first, other_device = await login(session), await login(session)
    second = await refresh(session, first)
    let_seconds_pass(shared_people, 11)
    assert await refused(session, first)
    assert await refused(session, second)
    await refresh(session, other_device)


async def test_a_late_repeat_gets_the_newest(session: aiohttp.ClientSession, shared_people: Database) -> None:
    """Within ten seconds of its use a token leads to the family's newest, however many were taken in between."""
    tokens = [await login(session)]
    for _ in range(8):
        tokens.append(await refresh(session, tokens[-1]))
    let_seconds_pass(shared_people, 9)
    assert {await refresh(session, token) for token in tokens[:-1]} == {tokens[-1]}
    await refresh(session, tokens[-1])


async def test_grace_begins_with_a_tokens_own_use(session: aiohttp.ClientSession, shared_people: Database) -> None:
    """Later rotations don't prolong it: a token that was used eleven seconds ago ends the family."""
    first = await login(session)
    second = await refresh(session, first)
    let_seconds_pass(shared_people, 11)
    third = await refresh(session, second)
    assert await refresh(session, second) == third
    assert await refused(session, first)
    assert await refused(session, third)


async def test_nine_rotations_are_no_repeat(session: aiohttp.ClientSession) -> None:
    """Grace reaches back eight rotations at most: no honest phone makes more in ten seconds."""
    token = first = await login(session)
    for _ in range(9):
        token = await refresh(session, token)
    assert await refused(session, first)
    assert await refused(session, token)


async def test_unused_family_expires(session: aiohttp.ClientSession, shared_people: Database) -> None:
    """After thirty days without a refresh the person has to log in again."""
    token = await login(session)
    let_seconds_pass(shared_people, 30 * 86_400)
    assert await refused(session, token)


async def test_sessions_of_one_person_are_bounded(session: aiohttp.ClientSession) -> None:
    """The twenty-first login ends the one that was unused the longest, and no other."""
    tokens = [await login(session) for _ in range(20)]
    tokens[0] = await refresh(session, tokens[0])
    await login(session)
    assert await refused(session, tokens[1])
    for token in (tokens[0], *tokens[2:]):
        await refresh(session, token)


async def test_a_dead_session_makes_room_first(session: aiohttp.ClientSession, shared_people: Database) -> None:
    """One that was revoked counts as room for a new one, whenever it was used."""
    tokens = [await login(session) for _ in range(20)]
    with psycopg.connect(shared_people.url()) as connection:
        connection.execute(
            "UPDATE identity.sessions SET revoked_at = clock_timestamp() WHERE rotated_at ="
            " (SELECT max(rotated_at) FROM identity.sessions)"
        )
    await login(session)
    for token in tokens[:-1]:
        await refresh(session, token)


async def test_a_flood_locks_out_its_own_address_only(identity: IdentityProcess) -> None:
    """While one address sends wrong passwords without a pause, another one logs in again and again."""
    flood_is_on = True
    refusals: set[int] = set()

    async def log_in(session: aiohttp.ClientSession, address: str, password: str) -> int:
        credentials, headers = CREDENTIALS | {"password": password}, {"X-Forwarded-For": address}
        async with session.post("/v1/auth/login", json=credentials, headers=headers) as response:
            return response.status

    async def flood(session: aiohttp.ClientSession) -> None:
        while flood_is_on:
            refusals.add(await log_in(session, "203.0.113.7", "wrong password"))

    async with aiohttp.ClientSession(identity.url, connector=aiohttp.TCPConnector(limit=0)) as session:
        floods = [asyncio.create_task(flood(session)) for _ in range(300)]
        while 429 not in refusals and 503 not in refusals:
            await log_in(session, "203.0.113.7", "wrong password")
        statuses = [await log_in(session, "198.51.100.9", CREDENTIALS["password"]) for _ in range(5)]
        flood_is_on = False
        await asyncio.gather(*floods)
    assert statuses == [200] * 5
    assert refusals == {401, 429}


async def test_refresh_and_access_tokens_are_not_each_other(session: aiohttp.ClientSession) -> None:
    """A refresh token opens nothing, an access token renews nothing, and either goes on as what it is."""
    first = await login(session)
    access = (await call(session, "/v1/auth/refresh", {"refresh_token": first}))[1]
    answer = await call(session, "/v1/auth/validate", bearer=access["refresh_token"])
    assert error_of(answer) == (401, "unauthorized", "")
    assert await refused(session, access["token"])
    assert (await call(session, "/v1/auth/validate", bearer=access["token"]))[0] == 200
    await refresh(session, access["refresh_token"])


async def test_texts_that_are_no_refresh_token(session: aiohttp.ClientSession) -> None:
    """Garbage is 401, never a 500."""
    for text in ("", "x", "é" * 64, "A" * 64, "A" * 10_000, "\0"):
        assert await refused(session, text)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE identity.users SET password_hash = 'another' WHERE username = %s RETURNING user_id",
        "DELETE FROM identity.users WHERE username = %s RETURNING user_id",
    ],
    ids=["password", "erased"],
)
async def test_a_login_that_is_overtaken(
    session: aiohttp.ClientSession, identity: IdentityProcess, shared_people: Database, change: str
) -> None:
    """Who got another password, or was erased, between a login's look at the password and its session gets none."""
    identity.operator("make-staff", "overtaken", "--role", "host", stdin="correct horse\n")
    given = {"username": "overtaken", "password": "correct horse"}
    with psycopg.connect(shared_people.url()) as operator, psycopg.connect(shared_people.url()) as observer:
        assert operator.execute(change, ["overtaken"]).fetchone()
        login = asyncio.ensure_future(call(session, "/v1/auth/login", given))
        await asyncio.to_thread(eventually, lambda: waits_for_a_row(observer), "the login waits")
        operator.commit()
        assert error_of(await login)[:2] == (401, "bad_credentials")


def waits_for_a_row(observer: psycopg.Connection) -> bool:
    observer.rollback()
    waiting = observer.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
    return waiting == (1,)


async def test_database_knows_no_token(session: aiohttp.ClientSession, shared_people: Database) -> None:
    """Only hashes are stored: no byte string in the table is a token's secret."""
    token = await refresh(session, await login(session))
    with psycopg.connect(shared_people.url()) as connection:
        stored = str(connection.execute("SELECT * FROM identity.sessions").fetchall())
    assert token not in stored
