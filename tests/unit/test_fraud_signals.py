"""Each signal of fraud rules: what it is met by, and what it isn't."""

import msgspec
import pytest

from command.votes.rules import signals
from command.votes.rules.evidence import Counts, Evidence
from command.votes.rules.signals import Signal

EVIDENCE = Evidence(
    at_ms=1_000_000,
    voter=b"v" * 12,
    contestant_no=1,
    network=1,
    device=2,
    kin=3,
    open_s=600,
    account_s=300,
    token_s=60,
    challenge_passed=False,
)
COUNTS = Counts(is_new=False, network_accounts=1, network_new=0, network_steady=0)


@pytest.mark.parametrize(
    ("signal", "meets", "misses"),
    [
        (signals.new_account(), {"is_new": True}, {"is_new": False}),
        (signals.device_crowd(6), {"device_accounts": 6}, {"device_accounts": 5}),
        (signals.network_crowd(50), {"network_accounts": 50}, {"network_accounts": 49}),
        (signals.network_crowd_of_new_accounts(8), {"is_new": True, "network_new": 8}, {"network_new": 8}),
        (signals.network_crowd_of_new_accounts(8), {"is_new": True, "network_new": 9}, {"is_new": True}),
        (signals.hurry(3, 0, 1500), {"device_gap_ms": 1499}, {"device_gap_ms": 1500}),
        (signals.steady_pace(6), {"device_steady": 6}, {"device_steady": 5, "network_steady": 5}),
        (signals.steady_pace(6), {"network_steady": 7}, {}),
        (signals.same_names(8), {"kin_accounts": 8}, {"kin_accounts": 7}),
        (signals.burst(10, 90), {"contestant_new": 90, "event_new": 100}, {"contestant_new": 89, "event_new": 100}),
        (signals.burst(10, 90), {"contestant_new": 10, "event_new": 10}, {"contestant_new": 9, "event_new": 9}),
    ],
)
def test_counts_meet_a_signal(signal: Signal, meets: dict[str, object], misses: dict[str, object]) -> None:
    """At its limit it is met, just before it isn't."""
    assert signal(EVIDENCE, msgspec.structs.replace(COUNTS, **meets))
    assert not signal(EVIDENCE, msgspec.structs.replace(COUNTS, **misses))


@pytest.mark.parametrize(
    ("known", "is_met"),
    [
        ({"account_s": 2}, True),
        ({"account_s": 3}, False),
        ({"account_s": None}, False),
        ({"token_s": 4}, True),
        ({"token_s": 5}, False),
    ],
)
def test_haste_is_met_by_ages(known: dict[str, object], is_met: bool) -> None:  # noqa: FBT001
    """An account or a token younger than a person needs; an unknown age is no haste."""
    signal = signals.hurry(account_s=3, token_s=5, device_gap_ms=0)
    assert signal(msgspec.structs.replace(EVIDENCE, **known), COUNTS) is is_met
