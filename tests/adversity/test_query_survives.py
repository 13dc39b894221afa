"""What readers see when Postgres, which knows the events, is killed or hangs."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import psycopg

from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.eventually import PATIENCE_S
from ops.rig.people import TokenMint
from ops.rig.postgres import RunningPostgres
from ops.rig.service import read_process
from ops.rig.stream_messages import messages
from ops.rig.tallies import Tallies

UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def results(session: aiohttp.ClientSession, event_id: str) -> tuple[int, Any]:
    async with session.get(f"/v1/event/{event_id}/results") as response:
        return response.status, await response.json()


async def test_known_events_are_shown_while_postgres_is_away(
    tmp_path: Path, database: Database, database_server: RunningPostgres, redis_url: str
) -> None:
    """Results of a known event keep coming from Redis; what must be asked for is 503 until Postgres is back."""
    with psycopg.connect(database.url(), autocommit=True) as owner:
        event = make_event(owner)
    tallies = Tallies(redis_url)
    tallies.write(event, {1: 1}, lsn=1)
    with read_process("query.reads", tmp_path, database.url("vote_query"), redis_url, TokenMint(tmp_path)) as query:
        async with aiohttp.ClientSession(query.url) as session:
            assert (await results(session, event.event_id))[0] == 200
            database_server.process.kill()
            try:
                tallies.write(event, {1: 2}, lsn=2)
                status, body = await results(session, event.event_id)
                while status == 200 and body["total_votes"] != 2:
                    status, body = await results(session, event.event_id)
                assert (status, body["stale"]) == (200, False)
                status, body = await results(session, UNKNOWN)
                assert (status, body["error"]["code"]) == (503, "busy")
            finally:
                database_server.process.start()
            while status == 503:
                status, _ = await results(session, UNKNOWN)
            assert status == 404


@contextlib.contextmanager
def hanging(server: RunningPostgres) -> Iterator[None]:
    """Postgres takes questions and answers none."""
    postmaster = psutil.Process(server.process.pid)
    stopped = [postmaster, *postmaster.children(recursive=True)]
    for process in stopped:
        process.suspend()
    try:
        yield
    finally:
        for process in reversed(stopped):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


async def test_known_events_are_shown_while_postgres_hangs(
    tmp_path: Path, database: Database, database_server: RunningPostgres, redis_url: str, mint: TokenMint
) -> None:
    """Nobody waits for a Postgres that doesn't answer: results and streams go on from Redis, also beside a draft."""
    with psycopg.connect(database.url(), autocommit=True) as owner:
        event, draft = make_event(owner), make_event(owner, status="draft")
    tallies = Tallies(redis_url)
    tallies.write(event, {1: 1}, lsn=1)
    tallies.write(draft, {}, lsn=1, status="draft")
    services = (
        read_process(module, tmp_path, database.url("vote_query"), redis_url, mint)
        for module in ("query.reads", "query.streams")
    )
    with contextlib.ExitStack() as running:
        query, sse = (running.enter_context(service) for service in services)
        async with aiohttp.ClientSession(query.url) as reads, aiohttp.ClientSession(sse.url) as streams:
            assert (await results(reads, event.event_id))[0] == 200
            async with (
                streams.get(f"/v1/event/{draft.event_id}/stream"),
                streams.get(f"/v1/event/{event.event_id}/stream") as stream,
            ):
                received = messages(stream)
                await anext(received)
                with hanging(database_server):
                    async with asyncio.timeout(PATIENCE_S):
                        for votes in range(2, 42):  # each would wait for seconds
                            tallies.write(event, {1: votes}, lsn=votes)
                            while (await anext(received)).data["total_votes"] != votes:
                                pass
                            assert (await results(reads, event.event_id))[0] == 200
