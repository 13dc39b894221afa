"""Challenges get harder with load, and easy again."""

import dataclasses

import pytest

from command.identity.challenge_load import ChallengeLoad
from command.identity.settings import ChallengeEffort
from contract.errors import TooMany
from contract.settings import read

EFFORT = dataclasses.replace(
    read(ChallengeEffort, {}),
    window_s=60,
    network_easy=10,
    network_max=100,
    easy_in_all=1000,
    harder_max=4,
    harder_in_all_max=2,
    networks_max=50,
)


def test_a_network_that_asks_for_many_gets_harder_ones() -> None:
    """As easy as usual at first, then harder with each, up to the most; others don't notice."""
    load = ChallengeLoad(EFFORT)
    harder = [load.add("one", 6000.0) for _ in range(100)]
    assert harder[:10] == [1.0] * 10
    assert harder[19] == 2.0
    assert harder == sorted(harder)
    assert harder[-1] == 4.0
    assert load.add("other", 6000.0) == 1.0


def test_a_network_gets_no_more_than_it_may() -> None:
    """Beyond its most it is told to come back later, and it may, when it has waited."""
    load = ChallengeLoad(EFFORT)
    for _ in range(100):
        load.add("one", 6000.0)
    with pytest.raises(TooMany) as refused:
        load.add("one", 6000.0)
    assert refused.value.retry_after_s == 60
    assert load.add("one", 6120.0) == 1.0


def test_the_window_slides() -> None:
    """At the turn of a window what was before it counts on, less and less."""
    load = ChallengeLoad(EFFORT)
    for _ in range(40):
        load.add("one", 6059.0)
    assert load.add("one", 6061.0) == pytest.approx(4.0)
    assert load.add("one", 6090.0) == pytest.approx(2.2)
    assert load.add("one", 6119.0) == 1.0


def test_a_crowd_makes_it_harder_for_all_but_not_much() -> None:
    """Many networks with a challenge each: up to twice as hard."""
    load = ChallengeLoad(EFFORT)
    harder = [load.add(f"network {number}", 6000.0) for number in range(5000)]
    assert harder[999] == 1.0
    assert harder[1499] == 1.5
    assert harder[-1] == 2.0


def test_networks_are_bounded() -> None:
    """The one that asked longest ago is forgotten first."""
    load = ChallengeLoad(EFFORT)
    for _ in range(20):
        load.add("busy", 6000.0)
    for number in range(49):
        load.add(f"network {number}", 6000.0)
    assert load.add("busy", 6000.0) == pytest.approx(2.1)
    for number in range(50):
        load.add(f"later {number}", 6000.0)
    assert load.add("busy", 6000.0) == 1.0
    assert len(load._networks) == 50
