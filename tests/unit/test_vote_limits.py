"""How often votes may be sent: by account and by address apart, sliding, bounded, and no retry held back by others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import parse

from command.settings import VoteLimiting
from command.votes.vote_limits import VoteLimits
from contract.errors import TooMany

START_S = 60_000_000.0  # a window begins
HALL = "203.0.113.7"


class Clock:
    """The time that limits see, in seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = START_S
        monkeypatch.setattr("time.time", lambda: self.now_s)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def limits(account: int, address: int, keys_max: int = 1000) -> VoteLimits:
    per_account, per_address = (parse(f"{each} per 1 minute") for each in (account, address))
    return VoteLimits(VoteLimiting("", per_account, per_address, keys_max), b"k" * 32)


def passed(kept: VoteLimits, user: str, address: str = HALL) -> int:
    """0 for one that is let through, else the seconds that it is told to wait."""
    try:
        kept.require(user, address)
    except TooMany as error:
        return error.retry_after_s or 0
    return 0


def test_an_account_has_a_limit_wherever_it_is(clock: Clock) -> None:
    """It is counted by itself, never with its address; who waits as told gets through, and not a moment before."""
    kept = limits(3, 1000)
    assert [passed(kept, "ada", f"198.51.100.{number}") for number in range(5)] == [0, 0, 0, 61, 61]
    assert passed(kept, "bob") == 0
    clock.now_s += 59
    assert passed(kept, "ada") > 0
    clock.now_s += 2
    assert passed(kept, "ada") == 0


def test_an_address_counts_accounts_and_no_retries(clock: Clock) -> None:
    """Who was let in goes on; only who comes new is told to wait, and only at that address."""
    kept = limits(100, 2)
    assert [passed(kept, user) for user in ("ada", "bob", "ada", "bob", "ada", "cyd")] == [0, 0, 0, 0, 0, 61]
    assert passed(kept, "cyd", "198.51.100.1") == 0
    assert passed(kept, "dan") == 61
    assert passed(kept, "dan") == 61  # having been told so makes nobody known
    clock.now_s += 61
    assert passed(kept, "dan") == 0


@given(st.integers(1, 20), st.lists(st.integers(0, 40), max_size=60))
def test_who_waits_as_told_gets_through(allowed: int, pauses_s: list[int]) -> None:
    """Whatever the pattern: the wait that is told suffices, and is never longer than two windows."""
    kept = limits(allowed, 1_000_000)
    with pytest.MonkeyPatch.context() as monkeypatch:
        clock = Clock(monkeypatch)
        for pause_s in pauses_s:
            clock.now_s += pause_s / 4
            if wait_s := passed(kept, "ada"):
                assert wait_s <= 121
                clock.now_s += wait_s
                assert passed(kept, "ada") == 0


def test_what_is_forgotten_is_let_through(clock: Clock) -> None:
    """Memory is bounded: a flood of others makes counts too low, never too high."""
    kept = limits(1, 1_000_000, keys_max=10)
    assert [passed(kept, "ada"), passed(kept, "ada")] == [0, 61]
    for number in range(20):
        assert passed(kept, f"user {number}") == 0
    assert passed(kept, "ada") == 0
    assert clock.now_s == START_S
