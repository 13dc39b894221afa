"""Addresses take turns, and nobody waits behind somebody else's flood."""

from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command.identity.fair_queue import FairQueue
from contract.errors import Busy, TooMany


def queue_of(*items: str, items_max: int = 100, items_per_address_max: int = 100) -> FairQueue[str]:
    """What waits, each at the address that its first letter is."""
    queue: FairQueue[str] = FairQueue(items_max, items_per_address_max)
    for item in items:
        assert queue.put(item[0], item) is None
    return queue


def taken(queue: FairQueue[str]) -> list[str]:
    return [queue.take() for _ in range(len(queue))]


def test_addresses_take_turns() -> None:
    """Each waits behind its own, whenever the others came."""
    assert taken(queue_of("a1", "a2", "a3", "b1", "c1", "c2")) == ["a1", "b1", "c1", "a2", "c2", "a3"]


def test_who_comes_late_waits_for_one_of_each() -> None:
    """A flood that is there already holds up a newcomer by one turn."""
    queue = queue_of(*(f"a{n}" for n in range(50)))
    queue.take()
    queue.put("b", "b1")
    assert taken(queue)[:2] == ["a1", "b1"]


def test_an_address_has_its_share() -> None:
    """One more than its share is refused; others aren't."""
    queue = queue_of("a1", "a2", items_per_address_max=2)
    with pytest.raises(TooMany):
        queue.put("a", "a3")
    assert queue.put("b", "b1") is None


def test_the_longest_queue_makes_room() -> None:
    """When all is full, its last one goes; between equals the newcomer is refused."""
    queue = queue_of("a1", "a2", "a3", "b1", items_max=4)
    assert queue.put("c", "c1") == "a3"
    assert queue.put("d", "d1") == "a2"
    for address in "abcdef":
        with pytest.raises(Busy):
            queue.put(address, "x")
    assert taken(queue) == ["a1", "b1", "c1", "d1"]


def test_who_leaves_is_forgotten() -> None:
    """Also the only one of an address, and one that isn't there any more."""
    queue = queue_of("a1", "a2", "b1")
    for item in ("b1", "a1", "a1", "c1"):
        queue.remove(item[0], item)
    assert taken(queue) == ["a2"]
    with pytest.raises(KeyError):
        queue.take()


@given(
    st.lists(st.tuples(st.sampled_from(["put", "put", "put", "take", "remove"]), st.sampled_from("abcd")), max_size=80),
    st.integers(0, 6),
    st.integers(0, 4),
)
def test_whatever_happens_it_is_bounded_and_loses_nothing(steps: list[Any], items_max: int, share: int) -> None:
    """Against a plain count: sizes, bounds, order within an address, and who had to go."""
    queue: FairQueue[tuple[str, int]] = FairQueue(items_max, share)
    waiting: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for number, (step, address) in enumerate(steps):
        item = (address, number)
        if step == "put":
            try:
                gone = queue.put(address, item)
            except (Busy, TooMany):
                continue
            waiting[address].append(item)
            if gone:
                assert waiting[gone[0]].pop() == gone
        elif step == "take" and len(queue):
            item = queue.take()
            assert waiting[item[0]].pop(0) == item
        elif step == "remove" and waiting[address]:
            queue.remove(address, waiting[address].pop())
        sizes = Counter({each: len(items) for each, items in waiting.items()})
        assert len(queue) == sizes.total() <= items_max
        assert max(sizes.values(), default=0) <= share
