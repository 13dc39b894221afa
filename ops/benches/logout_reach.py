"""From a logout until each process refuses its token, while Redis is flushed, and then killed.

    log in ─► the token is taken everywhere ─► log out ─► asked again and again at each process ─► 401

Part of ./ops/bench identity.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import psycopg
import redis

from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.eventually import PATIENCE_S
from ops.rig.identity_process import IdentityProcess, call
from ops.rig.people import TokenMint
from ops.rig.service import Service, command_process, read_process
from ops.rig.valkey import RunningValkey, valkey

LOGOUTS = 40  # Redis is flushed before each of the first half, and away in the second


@contextlib.contextmanager
def verifiers(
    folder: Path, database: Database, redis_url: str, mint: TokenMint, identity: IdentityProcess
) -> Iterator[dict[str, Service]]:
    """One of each process that verifies tokens."""
    keys, reading = f"{identity.url}/.well-known/jwks.json", database.url("vote_query")
    with contextlib.ExitStack() as running:
        start = running.enter_context
        command = start(command_process(folder, database.url("vote_command"), mint, JWKS_URL=keys, REDIS_URL=redis_url))
        yield {
            "command": command,
            "query": start(read_process("query.reads", folder, reading, redis_url, mint, JWKS_URL=keys)),
            "sse": start(read_process("query.streams", folder, reading, redis_url, mint, JWKS_URL=keys)),
        }


async def status_at(service: Service, path: str, token: str) -> int:
    """What a call with this token is answered."""
    headers = {"Authorization": f"Bearer {token}"}
    body: dict[str, str] | None = None if path == "/v1/events" else {}
    method = "GET" if body is None else "POST"
    async with (
        aiohttp.ClientSession(service.url) as session,
        session.request(method, path, json=body, headers=headers) as response,
    ):
        return response.status


async def refused_at(service: Service, path: str, token: str) -> float:
    """The moment at which this process says 401; raises TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while await status_at(service, path, token) != 401:
            pass  # each round asks
    return time.perf_counter()


async def one_logout(
    identity: IdentityProcess, services: dict[str, Service], paths: dict[str, str], person: dict[str, str]
) -> dict[str, float]:
    """Log in and out once; the milliseconds of each process."""
    async with aiohttp.ClientSession(identity.url) as session:
        status, content = await call(session, "/v1/auth/login", person)
        assert status == 200, content
        token = content["token"]
        for name, service in services.items():
            assert await status_at(service, paths[name], token) != 401
        asking = [asyncio.create_task(refused_at(service, paths[name], token)) for name, service in services.items()]
        sent_at = time.perf_counter()
        async with session.post("/v1/auth/logout", headers={"Authorization": f"Bearer {token}"}) as response:
            assert response.status == 204
        moments = await asyncio.gather(*asking)
    return {name: 1000 * (moment - sent_at) for name, moment in zip(services, moments, strict=True)}


async def log_out_often(
    identity: IdentityProcess, services: dict[str, Service], paths: dict[str, str], server: RunningValkey
) -> dict[str, list[float]]:
    """The milliseconds of each process, a logout after the other."""
    reached: dict[str, list[float]] = {name: [] for name in services}
    for number in range(LOGOUTS):
        if number < LOGOUTS // 2:
            with redis.Redis.from_url(server.url) as client:
                client.flushall()
        elif number == LOGOUTS // 2:
            server.process.kill()
        person = {"username": f"person {number % 20}", "password": "correct horse"}
        for name, took_ms in (await one_logout(identity, services, paths, person)).items():
            reached[name].append(took_ms)
    return reached


def logout_reach_ms(
    folder: Path, database: Database, mint: TokenMint, identity: IdentityProcess
) -> dict[str, list[float]]:
    """Milliseconds from the sending of a logout to the refusal, by process."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        event = make_event(connection, results_visibility="staff")
    paths = {"command": "/v1/vote/submit", "query": "/v1/events", "sse": f"/v1/event/{event.event_id}/stream/ticket"}
    with (
        valkey(folder / "valkey") as server,
        verifiers(folder, database, server.url, mint, identity) as services,
    ):
        return asyncio.run(log_out_often(identity, services, paths, server))
