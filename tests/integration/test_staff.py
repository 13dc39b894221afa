"""Roles: given and taken by admins and the operator, logged in the same transaction, gone at every process at once."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.eventually import PATIENCE_S
from ops.rig.identity_process import PERSON, IdentityProcess, call, error_of, identity_process
from ops.rig.people import TokenMint
from ops.rig.service import Service, command_process, read_process

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def identity(tmp_path: Path, identity_database: Database) -> Iterator[IdentityProcess]:
    with identity_process(tmp_path, identity_database.url("vote_identity"), OPERATOR_NAME="alice") as process:
        process.operator("make-staff", "boss", "--role", "admin", stdin="correct horse\n")
        process.operator("make-staff", "host", stdin="correct horse\n")
        yield process


@pytest.fixture
def services(
    tmp_path: Path, database: Database, redis_url: str, mint: TokenMint, identity: IdentityProcess
) -> Iterator[dict[str, Service]]:
    keys = f"{identity.url}/.well-known/jwks.json"
    reading = (database.url("vote_query"), redis_url, mint)
    with (
        command_process(tmp_path, database.url("vote_command"), mint, JWKS_URL=keys) as command,
        read_process("query.reads", tmp_path, *reading, JWKS_URL=keys) as query,
        read_process("query.streams", tmp_path, *reading, JWKS_URL=keys) as streams,
    ):
        yield {"command": command, "query": query, "streams": streams}


@pytest.fixture
async def session(identity: IdentityProcess) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(identity.url) as session:
        yield session


async def log_in(session: aiohttp.ClientSession, username: str) -> tuple[str, str]:
    """Token and user_id."""
    status, content = await call(session, "/v1/auth/login", {"username": username, "password": "correct horse"})
    assert status == 200
    return content["token"], content["userId"]


async def ask(session: aiohttp.ClientSession, method: str, path: str, token: str) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"}
    async with session.request(method, path, headers=headers) as response:
        return response.status, await response.json()


async def statuses_of_staff_calls(services: dict[str, Service], event_id: str, token: str) -> list[int]:
    """What a call that only staff may make answers, at each process."""
    asked = (
        ("command", "POST", f"/v1/event/{UNKNOWN}/open"),
        ("query", "GET", f"/v1/event/{event_id}/leaderboard"),
        ("streams", "GET", f"/v1/event/{event_id}/stream"),
    )
    statuses = []
    for name, method, path in asked:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession(services[name].url) as session,
            session.request(method, path, headers=headers) as response,
        ):
            statuses.append(response.status)
    return statuses


async def test_a_role_that_is_taken_is_gone_everywhere(
    services: dict[str, Service],
    session: aiohttp.ClientSession,
    owner: psycopg.Connection,
    people: psycopg.Connection,
) -> None:
    """At command, query and a restricted stream that is open; a new login doesn't bring it back; the log tells all."""
    event_id = str(make_event(owner, results_visibility="staff").event_id)
    (boss, boss_id), (viewer, host_id) = await log_in(session, "boss"), await log_in(session, "host")
    path = f"/v1/staff/{host_id}/roles/host"
    assert error_of(await ask(session, "PUT", path, viewer)) == (403, "forbidden", "")
    for _ in range(2):  # a nervous finger
        given = await ask(session, "PUT", path, boss)
        assert given == (200, {"user_id": host_id, "roles": ["host"], "code": None})
    host, _ = await log_in(session, "host")
    assert 403 in await statuses_of_staff_calls(services, event_id, viewer)
    assert (await statuses_of_staff_calls(services, event_id, host))[0] == 404

    stream_url, headers = f"{services['streams'].url}/v1/event/{event_id}/stream", {"Authorization": f"Bearer {host}"}
    async with aiohttp.ClientSession() as watching, watching.get(stream_url, headers=headers) as stream:
        assert stream.status == 200
        assert (await ask(session, "DELETE", path, boss))[1]["roles"] == ["viewer"]
        async with asyncio.timeout(PATIENCE_S):
            await stream.content.read(-1)  # it ends
            while await statuses_of_staff_calls(services, event_id, host) != [401, 401, 401]:
                pass  # each round asks
    again, _ = await log_in(session, "host")
    assert (await statuses_of_staff_calls(services, event_id, again))[0] == 403

    rows = people.execute(
        "SELECT actor, role, action, before, after, length(trace_id) FROM identity.audit_log"
        " WHERE user_id = %s ORDER BY audit_no",
        [host_id],
    ).fetchall()
    assert rows == [
        ("alice", "operator", "password.set", None, None, 32),
        (boss_id, "admin", "role.give", {"roles": ["viewer"]}, {"roles": ["host"]}, 32),
        (boss_id, "admin", "role.take", {"roles": ["host"]}, {"roles": ["viewer"]}, 32),
    ]
    log = (await ask(session, "GET", "/v1/staff/log", boss))[1]["log"]
    assert [line["action"] for line in log[:2]] == ["role.take", "role.give"]


async def test_who_may_do_what_to_staff(
    identity: IdentityProcess, session: aiohttp.ClientSession, people: psycopg.Connection
) -> None:
    """Admins only; not the last one's own role, nor two each other's; no registration brings a role along."""
    (boss, boss_id), (host, host_id) = await log_in(session, "boss"), await log_in(session, "host")
    for method, path in (
        ("GET", ""),
        ("GET", "/log"),
        ("DELETE", f"/{boss_id}/sessions"),
        ("DELETE", f"/{boss_id}/roles/admin"),
    ):
        assert error_of(await ask(session, method, f"/v1/staff{path}", host)) == (403, "forbidden", "")
    refused = await ask(session, "DELETE", f"/v1/staff/{boss_id}/roles/admin", boss)
    assert error_of(refused) == (409, "wrong_state", "")
    for path, refusal in (
        (f"{UNKNOWN}/roles/host", (404, "not_found", "user_id")),
        (f"{host_id}/roles/viewer", (400, "invalid_field", "role")),
        ("me/roles/host", (400, "invalid_field", "user_id")),
    ):
        assert error_of(await ask(session, "PUT", f"/v1/staff/{path}", boss)) == refusal
    for wrong in ("-1", "0", str(1 << 63)):
        refused = await ask(session, "GET", f"/v1/staff/log?cursor={wrong}", boss)
        assert error_of(refused) == (400, "invalid_field", "cursor")

    greedy = PERSON | {"roles": ["admin"], "user_id": boss_id, "second_factor": "shown"}
    ada_id = (await call(session, "/v1/auth/register", greedy, identity.client_token()))[1]["user_id"]
    (roles,) = people.execute("SELECT roles FROM identity.users WHERE user_id = %s", [ada_id]).fetchone() or ([],)
    assert roles == ["viewer"]

    await ask(session, "PUT", f"/v1/staff/{host_id}/roles/admin", boss)
    host, _ = await log_in(session, "host")
    both = ((boss, f"/v1/staff/{host_id}/roles/admin"), (host, f"/v1/staff/{boss_id}/roles/admin"))
    taken = await asyncio.gather(*(ask(session, "DELETE", path, token) for token, path in both))
    assert min(status for status, _ in taken) == 200
    assert people.execute("SELECT count(*) FROM identity.users WHERE 'admin' = ANY (roles)").fetchone() == (1,)


async def test_an_admin_ends_sessions(
    identity: IdentityProcess, session: aiohttp.ClientSession, people: psycopg.Connection
) -> None:
    """Of anybody, all at once, by a call or at the command line."""
    (boss, _), (host, host_id), _ = [await log_in(session, name) for name in ("boss", "host", "host")]
    members = (await ask(session, "GET", "/v1/staff", boss))[1]["staff"]
    assert [(each["username"], each["roles"], each["sessions"]) for each in members] == [("boss", ["admin"], 1)]
    assert await ask(session, "DELETE", f"/v1/staff/{host_id}/sessions", boss) == (
        200,
        {"user_id": host_id, "ended": 2},
    )
    assert (await call(session, "/v1/auth/validate", bearer=host))[0] == 401
    host, _ = await log_in(session, "host")
    assert json.loads(identity.operator("end-sessions", "host").stdout) == {"user_id": host_id, "ended": 1}
    assert (await call(session, "/v1/auth/validate", bearer=host))[0] == 401
    actions = people.execute("SELECT actor, after FROM identity.audit_log WHERE action = 'sessions.end'").fetchall()
    assert [after for _, after in actions] == [{"ended": 2}, {"ended": 1}]


async def test_a_login_that_meets_the_taking_of_a_role(session: aiohttp.ClientSession) -> None:
    """Whichever of them the database takes first: no session that goes on has the role."""
    _, host_id = await log_in(session, "host")
    (boss, _) = await log_in(session, "boss")
    path = f"/v1/staff/{host_id}/roles/auditor"
    for _ in range(5):
        await ask(session, "PUT", path, boss)
        logins, _ = await asyncio.gather(
            asyncio.gather(*(log_in(session, "host") for _ in range(2))), ask(session, "DELETE", path, boss)
        )
        answers = [await call(session, "/v1/auth/validate", bearer=token) for token, _ in logins]
        assert all(status == 401 or content["roles"] == ["viewer"] for status, content in answers)
