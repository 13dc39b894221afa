"""Events as readers know them: old for a moment, until Redis says that one has changed."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import psycopg
import pytest

from contract.errors import NotFound
from ops.rig.database import Database
from ops.rig.event import change_status, make_event
from ops.rig.tallies import Tallies
from query.event_directory import EventDirectory
from query.redis_reader import redis_client
from query.replica_reader import ReplicaReader
from query.standings_bell import StandingsBell

FOR_EVER_S = 3600.0


@pytest.fixture
async def events(database: Database, redis_url: str) -> AsyncIterator[EventDirectory]:
    """A directory that would keep what it knows for ever, with its ear at Redis."""
    replica, redis, subscribed = ReplicaReader(database.url("vote_query")), redis_client(redis_url), asyncio.Event()
    await replica.open()
    directory = EventDirectory(replica, age_s=FOR_EVER_S)
    bell = asyncio.create_task(StandingsBell(redis, directory.hear, lambda _: subscribed.set()).run())
    await subscribed.wait()
    yield directory
    bell.cancel()
    await redis.aclose()
    await replica.close()


async def heard(redis_url: str) -> None:
    """Give the bell its turn: a question to the same Redis, answered after what was published."""
    async with redis_client(redis_url) as client:
        await client.ping()


async def test_a_change_is_heard(events: EventDirectory, owner: psycopg.Connection, redis_url: str) -> None:
    """A draft that was looked at and then opened is open as soon as Redis has said so."""
    event, tallies = make_event(owner, "draft"), Tallies(redis_url)
    event_id = UUID(event.event_id)
    assert (await events.current(event_id)).status == "draft"
    change_status(owner, event.event_id, "open")
    assert (await events.current(event_id)).status == "draft"
    tallies.write(event, {}, change_no=2)
    while (await events.current(event_id)).status != "open":  # the test's own time limit ends it
        await heard(redis_url)


async def test_a_replica_behind_redis_is_asked_again(
    events: EventDirectory, owner: psycopg.Connection, redis_url: str
) -> None:
    """What was heard before the replica has it is found there once it does: also a whole event."""
    with pytest.raises(NotFound):
        await events.current(UUID(int=1))
    event = make_event(owner, "draft")
    events.hear(event.event_id, 2)
    assert (await events.current(UUID(event.event_id))).status == "draft"
    change_status(owner, event.event_id, "open")
    while (await events.current(UUID(event.event_id))).status != "open":  # the test's own time limit ends it
        await heard(redis_url)
