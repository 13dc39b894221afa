"""The cache that shields Redis and the replica from a crowd."""

import asyncio

import pytest

from contract.errors import Busy
from query.recent_cache import OLD_AFTER_S, RecentCache

FOR_EVER_S = 3600.0


class Source:
    """Something dear to ask: counts the questions, answers when told to, fails when told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.fails = False

    async def load(self, key: str) -> str:
        """The answer."""
        self.asked.append(key)
        await self.may_answer.wait()
        if self.fails:
            raise Busy
        return key.upper()


async def test_crowd_is_one_question() -> None:
    """A hundred askers at once cost one load, and the next ones none while the value is young."""
    source = Source()
    cache = RecentCache(source.load, FOR_EVER_S, 10)
    crowd = [asyncio.create_task(cache.get("a")) for _ in range(100)]
    source.may_answer.set()
    assert set(await asyncio.gather(*crowd)) == {"A"}
    assert await cache.get("a") == "A"
    assert source.asked == ["a"]


async def test_asker_who_leaves_takes_nobody_along() -> None:
    """A cancelled asker doesn't cancel the load that others wait for."""
    source = Source()
    cache = RecentCache(source.load, FOR_EVER_S, 10)
    first, second = asyncio.create_task(cache.get("a")), asyncio.create_task(cache.get("a"))
    await asyncio.sleep(0)
    first.cancel()
    source.may_answer.set()
    assert await second == "A"


async def test_old_value_is_better_than_an_error() -> None:
    """A load that fails leaves the last value; without one the failure is the answer, and the next asker tries anew."""
    source = Source()
    source.may_answer.set()
    source.fails = True
    cache = RecentCache(source.load, 0, 10)
    with pytest.raises(Busy):
        await cache.get("a")
    source.fails = False
    assert await cache.get("a") == "A"
    source.fails = True
    assert await cache.get("a") == "A"
    assert source.asked == ["a", "a", "a"]


async def test_old_value_is_better_than_a_long_wait() -> None:
    """While a load hangs, one asker waits for a moment and the others not at all; then the new value is there."""
    source = Source()
    source.may_answer.set()
    cache = RecentCache(source.load, 0, 10)
    await cache.get("a")
    source.may_answer.clear()
    assert await asyncio.gather(*(cache.get("a") for _ in range(10))) == ["A"] * 10
    assert source.asked == ["a", "a"]
    source.may_answer.set()
    await cache.get("a")


async def test_what_is_too_old_is_never_served() -> None:
    """Neither while a load hangs nor when it fails; a load that took too long is too old itself."""
    source = Source()
    source.may_answer.set()
    cache = RecentCache(source.load, 0, 10, age_max_s=0)
    with pytest.raises(Busy):
        await cache.get("a")
    cache = RecentCache(source.load, 0, 10, age_max_s=FOR_EVER_S)
    assert await cache.get("a") == "A"
    cache._entry("a").asked_at -= FOR_EVER_S
    source.fails = True
    with pytest.raises(Busy):
        await cache.get("a")
    source.fails = False
    source.may_answer.clear()
    asker = asyncio.create_task(cache.get("a"))
    _, waiting = await asyncio.wait([asker], timeout=2 * OLD_AFTER_S)
    assert waiting
    source.may_answer.set()
    assert await asker == "A"


async def test_fault_is_not_hidden_behind_an_old_value() -> None:
    """Only what is busy is expected to come back."""

    async def load(_: str) -> str:
        if values:
            return values.pop()
        raise KeyError

    values = ["a value"]
    cache = RecentCache(load, 0, 10)
    await cache.get("a")
    with pytest.raises(KeyError):
        await cache.get("a")


async def test_no_more_is_kept_than_allowed() -> None:
    """The value used least recently goes first."""
    source = Source()
    source.may_answer.set()
    cache = RecentCache(source.load, FOR_EVER_S, 2)
    for key in ("a", "b", "a", "c", "a", "b"):
        await cache.get(key)
    assert source.asked == ["a", "b", "c", "b"]
