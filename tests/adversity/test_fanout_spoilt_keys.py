"""Keys of Redis that another hand has spoilt heal like lost ones, and hold up no other event."""

import contextlib
from pathlib import Path

import aiohttp
import psycopg
import pytest
import redis

from contract.redis_keys import applied_key, tally_key
from ops.rig.database import Database
from ops.rig.event import change_status, make_event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.oracle import check_agreement, counts_on_leaderboard
from ops.rig.people import TokenMint
from ops.rig.service import read_process
from ops.rig.stream_messages import messages
from ops.rig.tallies import Tallies
from ops.rig.votes import cast
from query.redis_reader import RedisReader, redis_client


@pytest.mark.parametrize("what", ["tally", "applied"])
def test_a_key_of_another_type_heals(owner: psycopg.Connection, database: Database, redis_url: str, what: str) -> None:
    """It is written over by a running fanout, which goes on counting all events."""
    events = [make_event(owner), make_event(owner)]
    spoilt = tally_key(events[0].event_id, "main") if what == "tally" else applied_key("main")
    with FanoutProcess(database.url("vote_fanout"), redis_url).running():
        check_agreement(database, redis_url, events)
        with redis.Redis.from_url(redis_url) as client:
            client.delete(spoilt)
            if what == "tally":
                client.set(spoilt, "spoilt")
            else:
                client.lpush(spoilt, "spoilt")
            eventually(lambda: client.type(spoilt) == (b"hash" if what == "tally" else b"string"), "it is healed")
        for event in events:
            cast(owner, event, 1, 3)
        check_agreement(database, redis_url, events)


@pytest.mark.parametrize("content", ["of another type", "undecodable"])
def test_readers_go_on_beside_a_spoilt_key(
    owner: psycopg.Connection, database: Database, redis_url: str, mint: TokenMint, tmp_path: Path, content: str
) -> None:
    """While one event's key can't be read, another event is shown fresh."""
    spoilt, other = make_event(owner), make_event(owner)
    cast(owner, other, 1, 2)
    headers, key = mint.voter().headers, tally_key(spoilt.event_id, "main")
    with (
        FanoutProcess(database.url("vote_fanout"), redis_url).running(),
        read_process("query.reads", tmp_path, database.url("vote_query"), redis_url, mint) as query,
        redis.Redis.from_url(redis_url) as client,
    ):
        check_agreement(database, redis_url, [spoilt, other])
        client.delete(key)
        if content == "undecodable":
            client.hset(key, "payload", "spoilt")
        else:
            client.set(key, "spoilt")
        shown = {(other.event_no, 1): 2, (other.event_no, 2): 0}
        eventually(lambda: counts_on_leaderboard(query.url, headers, other) == shown, "the other event is fresh")
        nothing = {(spoilt.event_no, 1): 0, (spoilt.event_no, 2): 0}
        eventually(lambda: counts_on_leaderboard(query.url, headers, spoilt) == nothing, "the key is healed")


async def test_streams_go_on_to_the_end_beside_a_spoilt_key(
    owner: psycopg.Connection, database: Database, redis_url: str, mint: TokenMint, tmp_path: Path
) -> None:
    """One event's key becomes a string while both are watched: both streams show the last vote and `closed`."""
    spoilt, other = make_event(owner), make_event(owner)
    with (
        FanoutProcess(database.url("vote_fanout"), redis_url).running(),
        read_process("query.streams", tmp_path, database.url("vote_query"), redis_url, mint) as sse,
    ):
        check_agreement(database, redis_url, [spoilt, other])
        async with aiohttp.ClientSession(sse.url) as session, contextlib.AsyncExitStack() as watching:
            streams = []
            for event in (spoilt, other):
                url = f"/v1/event/{event.event_id}/stream"
                streams.append(messages(await watching.enter_async_context(session.get(url))))
                await anext(streams[-1])
            with redis.Redis.from_url(redis_url) as client:
                client.delete(tally_key(spoilt.event_id, "main"))
                client.set(tally_key(spoilt.event_id, "main"), "spoilt")
            for event in (spoilt, other):
                cast(owner, event, 1, 3)
                change_status(owner, event.event_id, "close")
            for stream in streams:
                last = [message async for message in stream][-1]
                assert (last.event, last.data["total_votes"], last.data["stale"]) == ("closed", 3, False)


@pytest.mark.parametrize("field", [None, "payload"], ids=["of another type", "undecodable"])
async def test_one_spoilt_key_is_absent_by_itself(owner: psycopg.Connection, redis_url: str, field: str | None) -> None:
    """Streams read many events in one round trip: the others have their tallies, and all are fresh."""
    spoilt, other = make_event(owner), make_event(owner)
    Tallies(redis_url).write(other, {1: 2})
    with redis.Redis.from_url(redis_url) as client:
        key = tally_key(spoilt.event_id, "main")
        client.hset(key, field, "spoilt") if field else client.set(key, "spoilt")
    async with redis_client(redis_url) as reading:
        state = await RedisReader(reading, ["main"], 60).state([spoilt.event_id, other.event_id])
    assert state.fresh
    assert state.tallies[spoilt.event_id] == []
    assert [tally.counts for tally in state.tallies[other.event_id]] == [{1: 2}]
