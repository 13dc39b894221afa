"""Sessions that end before their tokens do: at every process, within moments, whatever happens to Redis meanwhile."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
import redis

from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.eventually import PATIENCE_S
from ops.rig.identity_process import PERSON, IdentityProcess, call, error_of, identity_process
from ops.rig.people import TokenMint, Voter
from ops.rig.service import Service, command_process, read_process
from ops.rig.votes import submit, vote_of

HOST = {"username": "host", "password": "correct horse"}


@pytest.fixture
def identity(tmp_path: Path, identity_database: Database) -> Iterator[IdentityProcess]:
    with identity_process(tmp_path, identity_database.url("vote_identity")) as process:
        process.operator("make-staff", "host", "--role", "host", stdin="correct horse\n")
        yield process


@pytest.fixture
def services(
    tmp_path: Path, database: Database, redis_url: str, mint: TokenMint, identity: IdentityProcess
) -> Iterator[dict[str, Service]]:
    """One of each process that verifies tokens."""
    keys, reading = f"{identity.url}/.well-known/jwks.json", database.url("vote_query")
    with contextlib.ExitStack() as running:
        command = running.enter_context(command_process(tmp_path, database.url("vote_command"), mint, JWKS_URL=keys))
        yield {
            "command": command,
            **{
                name: running.enter_context(
                    read_process(f"query.{name}", tmp_path, reading, redis_url, mint, JWKS_URL=keys)
                )
                for name in ("reads", "streams")
            },
        }


@pytest.fixture
def start_late(
    tmp_path: Path, database: Database, redis_url: str, mint: TokenMint, identity: IdentityProcess
) -> Callable[[], contextlib.AbstractContextManager[Service]]:
    """Starts one more process of the reads."""
    keys = f"{identity.url}/.well-known/jwks.json"
    return lambda: read_process("query.reads", tmp_path, database.url("vote_query"), redis_url, mint, JWKS_URL=keys)


@pytest.fixture
async def session(identity: IdentityProcess) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(identity.url) as session:
        yield session


async def login(session: aiohttp.ClientSession, credentials: dict[str, str] = HOST) -> dict[str, Any]:
    status, content = await call(session, "/v1/auth/login", credentials)
    assert status == 200
    return content


async def status_at(name: str, service: Service, event: Event, token: str) -> int:
    """The status of a call that needs this token; a vote's body is wrong, which is looked at after the token."""
    method, path = {
        "command": ("POST", "/v1/vote/submit"),
        "reads": ("GET", "/v1/events"),
        "streams": ("POST", f"/v1/event/{event.event_id}/stream/ticket"),
    }[name]
    headers = {"Authorization": f"Bearer {token}"}
    body: dict[str, str] | None = {} if method == "POST" else None
    async with (
        aiohttp.ClientSession(service.url) as session,
        session.request(method, path, headers=headers, json=body) as response,
    ):
        return response.status


async def until_refused(services: dict[str, Service], event: Event, token: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        for name, service in services.items():
            while await status_at(name, service, event, token) != 401:
                pass  # each round asks


async def log_out(session: aiohttp.ClientSession, token: str) -> int:
    async with session.post("/v1/auth/logout", headers={"Authorization": f"Bearer {token}"}) as response:
        return response.status


async def test_logout_reaches_every_process(
    services: dict[str, Service], session: aiohttp.ClientSession, owner: psycopg.Connection, redis_url: str
) -> None:
    """Token, session and the restricted stream end; another session of the same person goes on; Redis plays no part."""
    event = make_event(owner, results_visibility="staff")
    ended, other = await login(session), await login(session)
    stream_url = f"{services['streams'].url}/v1/event/{event.event_id}/stream"
    headers = {"Authorization": f"Bearer {ended['token']}"}
    async with aiohttp.ClientSession() as watching, watching.get(stream_url, headers=headers) as stream:
        assert stream.status == 200
        assert await log_out(session, ended["token"]) == 204
        with redis.Redis.from_url(redis_url) as client:
            client.flushall()
        await until_refused(services, event, ended["token"])
        await stream.content.read(-1)  # it ends
    for name, service in services.items():
        assert await status_at(name, service, event, other["token"]) != 401
    assert error_of(await call(session, "/v1/auth/validate", bearer=ended["token"]))[0] == 401
    assert (await call(session, "/v1/auth/validate", bearer=other["token"]))[0] == 200
    assert error_of(await call(session, "/v1/auth/refresh", {"refresh_token": ended["refresh_token"]}))[0] == 401
    assert (await call(session, "/v1/auth/refresh", {"refresh_token": other["refresh_token"]}))[0] == 200
    assert await log_out(session, ended["token"]) == 401  # so a repeat tells that it is over, too


async def test_a_ticket_ends_with_its_session(
    services: dict[str, Service], session: aiohttp.ClientSession, owner: psycopg.Connection
) -> None:
    """A stream that was opened by ticket ends, too, and a ticket that wasn't used opens nothing any more."""
    event = make_event(owner, results_visibility="staff")
    token, url = (await login(session))["token"], f"/v1/event/{event.event_id}/stream"
    async with aiohttp.ClientSession(services["streams"].url) as watching:
        tickets = [(await call(watching, f"{url}/ticket", {}, token))[1]["ticket"] for _ in range(2)]
        async with watching.get(f"{url}?ticket={tickets[0]}") as stream:
            assert stream.status == 200
            await log_out(session, token)
            await stream.content.read(-1)
        async with watching.get(f"{url}?ticket={tickets[1]}") as late:
            assert late.status == 401


async def test_a_stolen_refresh_token_ends_its_access_tokens(
    services: dict[str, Service],
    session: aiohttp.ClientSession,
    owner: psycopg.Connection,
    people: psycopg.Connection,
) -> None:
    """Reuse after the grace ends the family, and nothing that came from it is taken any more."""
    event, first = make_event(owner), await login(session)
    newest = (await call(session, "/v1/auth/refresh", {"refresh_token": first["refresh_token"]}))[1]
    people.execute("UPDATE identity.sessions SET rotated_at = rotated_at - interval '1 minute'")
    assert (await call(session, "/v1/auth/refresh", {"refresh_token": first["refresh_token"]}))[0] == 401
    await until_refused(services, event, newest["token"])


async def test_what_is_revoked_stays_so_without_the_database(
    services: dict[str, Service],
    start_late: Callable[[], contextlib.AbstractContextManager[Service]],
    session: aiohttp.ClientSession,
    owner: psycopg.Connection,
    people: psycopg.Connection,
) -> None:
    """Tokens go on while nobody can be asked; who starts then serves, too, and hears of it all afterwards."""
    event, ended, other = make_event(owner), await login(session), await login(session)
    await log_out(session, ended["token"])
    await until_refused(services, event, ended["token"])
    name = people.info.dbname.encode()
    owner.execute(b'ALTER DATABASE "%b" ALLOW_CONNECTIONS false' % name)
    people.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    )
    with start_late() as late:
        try:
            for each, service in services.items():
                assert await status_at(each, service, event, ended["token"]) == 401
                assert await status_at(each, service, event, other["token"]) != 401
            assert await status_at("reads", late, event, other["token"]) == 200
        finally:
            owner.execute(b'ALTER DATABASE "%b" ALLOW_CONNECTIONS true' % name)
        await until_refused({"reads": late}, event, ended["token"])


async def test_sessions_are_listed_and_ended(
    services: dict[str, Service], session: aiohttp.ClientSession, owner: psycopg.Connection
) -> None:
    """Each with the device that it was begun on; one may be ended from another, and nobody's but one's own."""
    event, here = make_event(owner), await login(session)
    async with aiohttp.ClientSession(str(session._base_url), headers={"User-Agent": "a lost\tphone"}) as lost:
        there = await login(lost)
    listed = (await call(session, "/v1/auth/sessions", bearer=here["token"]))[1]["sessions"]
    assert listed[0]["device"] == "a lostphone"
    assert [each["current"] for each in listed] == [False, True]
    headers = {"Authorization": f"Bearer {here['token']}"}
    for session_id, status in ((listed[0]["session_id"], 204), (listed[0]["session_id"], 404), (event.event_id, 404)):
        async with session.delete(f"/v1/auth/sessions/{session_id}", headers=headers) as response:
            assert response.status == status
    await until_refused(services, event, there["token"])
    assert len((await call(session, "/v1/auth/sessions", bearer=here["token"]))[1]["sessions"]) == 1


async def test_an_erased_person_is_nobody(
    identity: IdentityProcess,
    services: dict[str, Service],
    session: aiohttp.ClientSession,
    owner: psycopg.Connection,
    people: psycopg.Connection,
) -> None:
    """All is shown, then gone, but for the vote; the same mailbox gets no second one while events may be open."""
    event, application = make_event(owner), identity.client_token()
    user_id = (await call(session, "/v1/auth/register", PERSON, application))[1]["user_id"]
    token = (await login(session, {key: PERSON[key] for key in ("username", "password")}))["token"]
    voter = Voter(user_id, b"", token)
    async with aiohttp.ClientSession(services["command"].url) as votes:
        assert (await submit(votes, voter, vote_of(voter, event)))[0] == 200
    me = (await call(session, "/v1/me", bearer=token))[1]
    assert {key: me[key] for key in ("user_id", "username", "email", "date_of_birth", "roles")} == {
        "user_id": user_id,
        "roles": ["viewer"],
        **{key: PERSON[key] for key in ("username", "email", "date_of_birth")},
    }
    async with aiohttp.ClientSession(services["reads"].url) as reads:
        mine = (await call(reads, "/v1/me/votes", bearer=token))[1]
    assert [vote["event_id"] for vote in mine["votes"]] == [event.event_id]

    async with session.delete("/v1/me", headers={"Authorization": f"Bearer {token}"}) as response:
        assert response.status == 204
    await until_refused(services, event, token)
    assert people.execute("SELECT FROM identity.users WHERE user_id = %s", [user_id]).fetchone() is None
    assert owner.execute("SELECT count(*) FROM votes").fetchone() == (1,)
    again = {**PERSON, "username": "Another", "email": PERSON["email"].title()}
    assert error_of(await call(session, "/v1/auth/register", again, application)) == (409, "taken", "")
    people.execute("UPDATE identity.erased SET kept_until = now()")
    assert (await call(session, "/v1/auth/register", again, application))[0] == 201


def test_what_is_not_needed_is_forgotten(identity: IdentityProcess, people: psycopg.Connection) -> None:
    """People who weren't here for long, ended sessions and old revocations go; staff and guests of operators stay.

    Nobody hears of it: none of these people can have a token that still lives.
    """
    identity.operator("voters", "--count", "1", "--prefix", "guest")
    people.execute(
        "INSERT INTO identity.users (username, email, voter_seed, created_at)"
        " SELECT name, name || '@example.org', sha256(name::bytea), now() - age::interval"
        " FROM (VALUES ('gone', '3 years'), ('back', '3 years'), ('new', '1 day')) AS given (name, age)"
    )
    people.execute(
        "WITH outside AS (INSERT INTO identity.users (username, voter_seed, created_at)"
        " SELECT name, sha256(name::bytea), now() - age::interval"
        " FROM (VALUES ('viewer-gone', '3 years'), ('viewer-new', '1 day')) AS given (name, age) RETURNING *)"
        " INSERT INTO identity.federated (user_id, issuer, subject)"
        " SELECT user_id, 'https://login.example.org', ARRAY[username] FROM outside"
    )
    people.execute(
        "INSERT INTO identity.sessions (user_id, expires_at, rotated_at, current_hash)"
        " SELECT user_id, now() - age::interval, now() - age::interval, sha256(username::bytea)"
        " FROM identity.users, (VALUES ('back', '2 months'), ('gone', '2 years')) AS given (name, age)"
        " WHERE username = name"
    )
    people.execute("INSERT INTO identity.revocations SELECT gen_random_uuid(), now(), now() - interval '1 s'")
    forgotten = "SELECT identity.forget(now() - interval '1 year')"
    assert people.execute(forgotten).fetchone() == (3,)
    assert people.execute(forgotten).fetchone() == (1,)
    left = people.execute(
        "SELECT regexp_replace(username, '^guest-.*', 'guest') FROM identity.users ORDER BY 1"
    ).fetchall()
    assert [name for (name,) in left] == ["back", "guest", "host", "new", "viewer-new"]
    assert people.execute("SELECT count(*) FROM identity.revocations").fetchone() == (0,)
