"""What is counted around a vote: accounts and not attempts, sliding windows, intervals, bounds, and the same again."""

from importlib import resources
from itertools import pairwise
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from command.votes.rules.attempt_counter import WAITING_MAX, AttemptCounter
from command.votes.rules.bounded_memory import BoundedMemory
from command.votes.rules.dry_run import DryRun, dry_run
from command.votes.rules.evidence import Counting, Counts, Evidence, EvidenceBlock, JudgedVote
from command.votes.rules.rule_set import SHIPPED, RuleSet, read_rules
from command.votes.vote_batcher import EventKey

COUNTING = Counting(window_s=600, new_before_opening_s=0, steady_within_percent=5, steady_from_ms=100)
EVENT = EventKey(1, UUID(int=1))
START_MS = 600_000 * 1_000_000  # a window begins


def attempt(number: int, at_ms: int, **known: object) -> Evidence:
    """The vote of another person each time, of an old account."""
    ordinary = Evidence(START_MS + at_ms, b"%012d" % number, 1, 7, None, None, 100, 500, 60, False)  # noqa: FBT003
    return msgspec.structs.replace(ordinary, **known)


def test_accounts_are_counted_and_not_attempts() -> None:
    """One that comes again is told the same counts, and adds nothing to them."""
    counter = AttemptCounter(COUNTING, 100)
    counter.count(EVENT, attempt(1, 0, device=5, kin=6))
    second = counter.count(EVENT, attempt(2, 1000, device=5, kin=6))
    again = [counter.count(EVENT, attempt(2, 2000 + number, device=5, kin=6), again=True) for number in range(5)]
    assert (second.network_accounts, second.device_accounts, second.kin_accounts) == (2, 2, 2)
    assert second.device_gap_ms == 1000
    assert again == [msgspec.structs.replace(second, device_gap_ms=None)] * 5


def test_new_accounts_are_counted_apart() -> None:
    """By network, by contestant and in all."""
    counter = AttemptCounter(COUNTING, 100)
    counter.count(EVENT, attempt(1, 0))
    counter.count(EVENT, attempt(2, 1, account_s=50, contestant_no=2))
    counts = counter.count(EVENT, attempt(3, 2, account_s=50))
    assert counts == Counts(True, 3, 2, 0, contestant_new=1, event_new=2)  # noqa: FBT003


def test_events_are_counted_apart() -> None:
    """The same contestant's number in another event is another's. (Other keys are of the event by themselves.)"""
    counter = AttemptCounter(COUNTING, 100)
    counter.count(EVENT, attempt(1, 0, account_s=50))
    other = counter.count(EventKey(2, UUID(int=2)), attempt(2, 0, account_s=50, network=8))
    assert (other.contestant_new, other.event_new) == (1, 1)


@pytest.mark.parametrize(("later_ms", "accounts"), [(599_999, 11), (660_000, 10), (900_000, 6), (1_200_000, 1)])
def test_windows_slide(later_ms: int, accounts: int) -> None:
    """Of the window before as much counts as the last ten minutes still cover."""
    counter = AttemptCounter(COUNTING, 100)
    for number in range(10):
        counter.count(EVENT, attempt(number, number))
    assert counter.count(EVENT, attempt(10, later_ms)).network_accounts == accounts


@pytest.mark.parametrize(
    ("interval_ms", "jitter", "is_steady"), [(1000, 0, True), (1000, 20, True), (1000, 200, False), (50, 0, False)]
)
def test_equal_intervals_are_steady(interval_ms: int, jitter: int, is_steady: bool) -> None:  # noqa: FBT001
    """So many in a row that differ by a twentieth at most; a crowd's short ones never are."""
    counter = AttemptCounter(COUNTING, 100)
    moments = [number * interval_ms + jitter * (number % 2) for number in range(9)]
    counts = [counter.count(EVENT, attempt(number, at, device=5)) for number, at in enumerate(moments)]
    expected = 7 if is_steady else 0
    assert (counts[-1].device_steady, counts[-1].network_steady) == (expected, expected)


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 3), st.none() | st.integers(0, 5)), max_size=200))
def test_the_same_votes_are_counted_alike(votes: list[tuple[int, int, int | None]]) -> None:
    """Two counters that see the same see the same counts, whatever else was counted before in another event."""
    evidence = [
        attempt(number, number * 100 + at, network=net, device=dev) for number, (at, net, dev) in enumerate(votes)
    ]
    one, other = AttemptCounter(COUNTING, 10_000), AttemptCounter(COUNTING, 10_000)
    other.count(EventKey(9, UUID(int=9)), attempt(0, 0, network=99))
    first = [one.count(EVENT, each) for each in evidence]
    assert first == [other.count(EVENT, each) for each in evidence]
    networks: dict[int, list[int]] = {}
    for each, counts in zip(evidence, first, strict=True):
        networks.setdefault(each.network, []).append(counts.network_accounts)
    assert all(later >= earlier for seen in networks.values() for earlier, later in pairwise(seen))


def test_memory_is_bounded() -> None:
    """A flood of devices leaves no more than may be remembered; one that goes on voting is not forgotten."""
    counter = AttemptCounter(COUNTING, 1000, shared=True)
    for number in range(50_000):
        counter.count(EVENT, attempt(number, number, device=1_000_000 + number))
    assert len(counter) <= 1000
    assert counter.count(EVENT, attempt(50_000, 50_000)).network_accounts == 50_001


def test_what_waits_to_be_told_is_bounded() -> None:
    """While nobody takes it."""
    counter = AttemptCounter(COUNTING, 1_000_000, shared=True)
    for number in range(2 * (WAITING_MAX + 10)):
        counter.count(EVENT, attempt(number, 0, network=number // 2))
    assert len(counter.take_waiting(10 * WAITING_MAX)) == WAITING_MAX


def test_the_oldest_is_forgotten_first() -> None:
    """What was asked for since stays."""
    memory: BoundedMemory[int, str] = BoundedMemory(4)
    for number in range(3):
        memory.put(number, "kept")
    assert memory.get(0) == "kept"
    for number in range(10, 12):
        memory.put(number, "kept")
    assert (memory.get(1), memory.get(0)) == (None, "kept")


def _farm(votes: int) -> list[Evidence]:
    return [attempt(number, number * 1000, account_s=50, device=5, kin=6) for number in range(votes)]


def _judged(evidence: list[Evidence], counting: Counting) -> EvidenceBlock:
    """What a process would have stored of these."""
    rules, counter = read_rules(SHIPPED), AttemptCounter(counting, 1000)
    votes = []
    for each in evidence:
        counts = counter.count(EVENT, each)
        votes.append(JudgedVote(each, counts, rules.hits(each, counts), 1))
    return EvidenceBlock(rules.names, counting, votes)


def test_a_dry_run_of_the_same_rules_finds_the_same() -> None:
    """By the stored counts, and when all is counted anew, in whatever order the processes stored it."""
    rules = read_rules(SHIPPED)
    block = _judged(_farm(20), rules.counting)
    halves = [EvidenceBlock(block.rules, block.counting, block.votes[start::2]) for start in (1, 0)]
    stored, anew = dry_run([block], rules, recount=False), dry_run(halves, rules, recount=True)
    assert stored.met_then == stored.met_now == anew.met_now
    assert stored.met_now["farm-of-new-accounts"] == 13
    assert stored == anew


def test_a_dry_run_tells_what_other_windows_would_have_done() -> None:
    """A window in which only a few of the votes lie refuses nobody."""
    shipped = resources.files("command.votes.rules").joinpath("shipped.toml").read_text(encoding="utf-8")
    rules = RuleSet(shipped.replace("window_s = 600 ", "window_s = 2 "))
    run: DryRun = dry_run([_judged(_farm(20), read_rules(SHIPPED).counting)], rules, recount=True)
    assert (run.met_then["farm-of-new-accounts"], run.met_now["farm-of-new-accounts"]) == (13, 0)
