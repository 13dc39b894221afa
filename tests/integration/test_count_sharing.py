"""Command processes that share what they count through a real Redis, and go on without it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
import redis.asyncio
from limits import parse

from command.settings import VoteLimiting
from command.votes.rules.attempt_counter import AttemptCounter
from command.votes.rules.count_sharer import CountSharer
from command.votes.rules.evidence import Counting, Counts, Evidence
from command.votes.vote_batcher import EventKey
from command.votes.vote_limits import VoteLimits
from contract.redis_keys import counted_key
from ops.rig.mute_redis import mute_redis
from ops.rig.valkey import valkey

COUNTING = Counting(window_s=600, new_before_opening_s=0, steady_within_percent=5, steady_from_ms=100)
EVENT = EventKey(1, UUID(int=1))
WINDOW = 1_000_000
START_MS = 600_000 * WINDOW


class Process:
    """The counts of one process, and its way to Redis."""

    def __init__(self, redis_url: str) -> None:
        self.counter = AttemptCounter(COUNTING, 1000, shared=True)
        self.sharer = CountSharer(redis_url, self.counter, COUNTING.window_s)

    def count(self, *voters: int, at_ms: int = 0) -> Counts:
        """Votes of new accounts on one network; the last one's counts."""
        counts = None
        for voter in voters:
            evidence = Evidence(START_MS + at_ms, b"%012d" % voter, 1, 7, None, None, 100, 50, 60, False)  # noqa: FBT003
            counts = self.counter.count(EVENT, evidence)
        assert counts
        return counts


@pytest.fixture
async def two(redis_url: str) -> AsyncIterator[tuple[Process, Process]]:
    pair = Process(redis_url), Process(redis_url)
    yield pair
    for each in pair:
        await each.sharer.close()


async def test_counts_are_shared(two: tuple[Process, Process], redis_url: str) -> None:
    """Each adds what the others told to its own, however often it is told, and Redis forgets by itself."""
    one, other = two
    one.count(1, 2, 3)
    other.count(4, 5)
    for process in (one, other, one, other):
        await process.sharer.share()
    assert other.count(6) == Counts(True, 6, 6, 0, contestant_new=6, event_new=6)  # noqa: FBT003
    assert one.count(7).network_accounts == 4  # it hears when it has something to tell
    for process in (other, one):
        await process.sharer.share()
    assert one.count(8) == Counts(True, 8, 8, 0, contestant_new=8, event_new=8)  # noqa: FBT003
    with redis.Redis.from_url(redis_url) as client:
        assert 0 < client.ttl(counted_key(str(EVENT.event_id), WINDOW)) <= 1200


async def test_what_was_shared_counts_in_the_next_window(two: tuple[Process, Process]) -> None:
    """As much of it as the last ten minutes still cover."""
    one, other = two
    one.count(1, 2, 3, 4)
    other.count(5, 6)
    await one.sharer.share()
    await other.sharer.share()
    assert other.count(7, at_ms=900_000).network_accounts == 4


async def test_single_votes_stay_at_home(two: tuple[Process, Process], redis_url: str) -> None:
    """What every phone does once is told to nobody."""
    two[0].count(1)
    await two[0].sharer.share()
    with redis.Redis.from_url(redis_url) as client:
        assert client.keys() == []


async def test_a_flushed_redis_makes_counts_low_and_never_high(two: tuple[Process, Process], redis_url: str) -> None:
    """Everybody's own counts stay."""
    one, other = two
    one.count(1, 2, 3, 4)
    await one.sharer.share()
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    other.count(5, 6)
    await other.sharer.share()
    assert other.count(7).network_accounts == 3
    one.count(8)
    await one.sharer.share()
    assert one.count(9).network_accounts == 6


async def test_counts_wait_while_redis_is_away(tmp_path: Path) -> None:
    """Counting goes on; what couldn't be told, or was refused by one that takes no writes, is told once it is back."""
    with valkey(tmp_path) as running:
        one, other = Process(running.url), Process(running.url)
        running.process.kill()
        assert one.count(1, 2, 3).network_accounts == 3
        await one.sharer.share()
        assert one.count(4).network_accounts == 4
        running.process.start()
        other.count(5, 6)
        await one.sharer.share()
        await other.sharer.share()
        assert other.count(7).network_accounts == 7
        one.count(8, 9)
        with redis.Redis.from_url(running.url) as client:
            client.replicaof("127.0.0.1", 1)
            await one.sharer.share()
            client.replicaof("NO", "ONE")
        other.count(10)
        await one.sharer.share()
        await other.sharer.share()
        assert other.count(11).network_accounts == 11
        for each in (one, other):
            await each.sharer.close()


async def test_what_redis_did_without_an_answer_is_counted_once(two: tuple[Process, Process], redis_url: str) -> None:
    """However often it happens, nobody's counts are higher than what was there; and what comes later is told."""
    _, other = two
    with mute_redis(redis_url, b"HINCRBY") as url:
        one = Process(url)
        one.count(1, 2, 3)
        await one.sharer.share()
        one.count(4)
        await one.sharer.share()
        assert one.count(5).network_accounts == 5
        await one.sharer.close()
    other.count(6, 7)
    await other.sharer.share()
    assert other.count(8).network_accounts == 7  # 1 to 4 elsewhere


async def test_retries_elsewhere_take_no_room_at_an_address(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Phones that try again at one process after the other leave room for one more, however many there are."""
    monkeypatch.setattr("time.time", lambda: 60_000_000.0)  # no window begins meanwhile
    monkeypatch.setattr("command.votes.rules.count_sharer.SHARE_EVERY_S", 0.01)
    settings = VoteLimiting(redis_url, parse("100 per 1 minute"), parse("25 per 1 minute"), 1000)
    processes = [VoteLimits(settings, b"k" * 32) for _ in range(3)]
    sharing = [asyncio.create_task(work) for process in processes for work in process.work()]
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        for number, process in enumerate(processes, 1):
            for phone in range(20):
                process.require(f"phone {phone % 10}", "203.0.113.7")
            while sum(map(int, await client.hvals(counted_key(str(UUID(int=1)), 1_000_000)))) < 20 * number:
                pass  # until it has told its tries, and heard the others'
    processes[-1].require("one more", "203.0.113.7")
    for task in sharing:
        task.cancel()
    for process in processes:
        await process.close()
