"""Rules files: what is refused, how rules combine, and that a verdict depends on its inputs alone."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from command.votes.rules.evidence import Counting, Counts, Evidence, EvidenceBlock, JudgedVote, unpacked
from command.votes.rules.rule_set import SHIPPED, Action, RuleFileError, RuleSet, read_rules

HEAD = """
[counting]
window_s = 600
new_before_opening_s = 3600
steady_within_percent = 5
steady_from_ms = 100
"""
NEW = """
[[rules]]
name = "new"
version = 1
action = "observe"
signal = "new_account"
why = "made for the event"
"""
CROWD = """
[[rules]]
name = "crowd"
version = 3
action = "challenge"
signal = "device_crowd"
limits = { accounts = 6 }
why = "many on one device"
"""
BOTH = """
[[rules]]
name = "both"
version = 1
action = "refuse"
all_of = ["new"]
any_of = ["crowd"]
why = "new ones on one device"
"""
numbers = st.integers(0, 1000)
evidences = st.builds(
    Evidence,
    at_ms=st.integers(0, 2**42),
    voter=st.binary(min_size=12, max_size=12),
    contestant_no=st.integers(1, 1000),
    network=st.integers(-(2**63), 2**63 - 1),
    device=st.none() | st.integers(-(2**63), 2**63 - 1),
    kin=st.none() | numbers,
    open_s=st.none() | numbers,
    account_s=st.none() | numbers,
    token_s=numbers,
    challenge_passed=st.booleans(),
)
counted = st.builds(
    Counts,
    is_new=st.booleans(),
    network_accounts=numbers,
    network_new=numbers,
    network_steady=numbers,
    device_accounts=numbers,
    device_gap_ms=st.none() | numbers,
    device_steady=numbers,
    kin_accounts=numbers,
    contestant_new=numbers,
    event_new=numbers,
)
EVIDENCE = Evidence(1, b"v" * 12, 1, 1, 2, None, 1, 1, 1, False)  # noqa: FBT003
ORDINARY = Counts(is_new=False, network_accounts=1, network_new=0, network_steady=0)
SHIPPED_RULES = read_rules(SHIPPED)


@given(evidences, counted)
def test_a_verdict_depends_on_its_inputs_alone(evidence: Evidence, counts: Counts) -> None:
    """Asked again, of other objects with the same values, through storage and back: the same hits and action."""
    hits = SHIPPED_RULES.hits(evidence, counts)
    vote = JudgedVote(evidence, counts, hits, 1)
    block = EvidenceBlock(SHIPPED_RULES.names, SHIPPED_RULES.counting, [vote])
    (stored,) = unpacked(block.packed()).votes
    again = read_rules(SHIPPED)
    assert stored == vote
    assert again.hits(stored.evidence, stored.counts) == hits
    assert again.action(stored.evidence, stored.hits) == SHIPPED_RULES.action(evidence, hits)


@given(evidences, counted)
def test_no_crowd_alone_is_refused(evidence: Evidence, counts: Counts) -> None:
    """However many share a network, and however new they are: without another sign nobody is refused or challenged."""
    honest = msgspec.structs.replace(
        counts, network_steady=0, device_accounts=1, device_gap_ms=None, device_steady=0, kin_accounts=1
    )
    patient = msgspec.structs.replace(
        evidence, account_s=None if evidence.account_s is None else 3 + evidence.account_s
    )
    assert SHIPPED_RULES.action(patient, SHIPPED_RULES.hits(patient, honest)) <= Action.OBSERVE


@given(evidences, counted)
def test_a_household_is_never_refused(evidence: Evidence, counts: Counts) -> None:
    """Seven accounts on a network may be as new, as hasty and as like one another as they want."""
    few = {"network_accounts": 7, "network_new": counts.network_new % 8, "kin_accounts": counts.kin_accounts % 8}
    household = msgspec.structs.replace(counts, **few)
    assert SHIPPED_RULES.action(evidence, SHIPPED_RULES.hits(evidence, household)) <= Action.CHALLENGE


@given(evidences, counted)
def test_whom_an_operator_vouches_for_is_only_observed(evidence: Evidence, counts: Counts) -> None:
    """Demos and load tests come from one machine, at once."""
    vouched = msgspec.structs.replace(evidence, account_s=None)
    assert SHIPPED_RULES.action(vouched, SHIPPED_RULES.hits(vouched, counts)) <= Action.OBSERVE


@pytest.mark.parametrize(
    ("is_new", "accounts", "passed", "hits", "action"),
    [
        (False, 1, False, (), Action.PASS),
        (True, 1, False, (0,), Action.OBSERVE),
        (False, 6, False, (1,), Action.CHALLENGE),
        (False, 6, True, (1,), Action.OBSERVE),
        (True, 6, False, (0, 1, 2), Action.REFUSE),
        (True, 6, True, (0, 1, 2), Action.REFUSE),
    ],
)
def test_the_most_that_is_asked_for_is_done(
    is_new: bool,  # noqa: FBT001
    accounts: int,
    passed: bool,  # noqa: FBT001
    hits: tuple[int, ...],
    action: Action,
) -> None:
    """Rules combine those before them; a solved captcha answers a challenge and nothing more."""
    rules = RuleSet(HEAD + NEW + CROWD + BOTH)
    evidence = msgspec.structs.replace(EVIDENCE, challenge_passed=passed)
    counts = msgspec.structs.replace(ORDINARY, is_new=is_new, device_accounts=accounts)
    assert rules.hits(evidence, counts) == hits
    assert rules.action(evidence, hits) is action


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "counting"),
        (HEAD + NEW + NEW, "two rules are named new"),
        (HEAD + BOTH, "no rule before it is named 'new'"),
        (HEAD + CROWD.replace("device_crowd", "weather"), "there is no signal weather"),
        (HEAD + CROWD.replace("accounts", "account"), "the limits of device_crowd are accounts"),
        (HEAD + CROWD.replace("6", "-6"), ">= 0"),
        (HEAD + NEW.replace("observe", "ban"), "the action must be observe, challenge or refuse"),
        (HEAD + NEW.replace("why", "because"), "because"),
        (HEAD + BOTH.replace("all_of", 'signal = "new_account"\nall_of'), "and not both"),
        (HEAD.replace("3600", "90000") + NEW, "before the opening"),
        (HEAD.replace(" 600", ' "600"'), "window_s"),
        ("[", "Invalid"),
    ],
)
def test_a_file_with_a_mistake_is_refused(text: str, reason: str) -> None:
    """As a whole, with the name of the rule or the place."""
    with pytest.raises(RuleFileError, match=reason):
        RuleSet(text)


@pytest.mark.parametrize(
    ("account_s", "open_s", "is_new"),
    [(None, 10, False), (10, None, False), (10, 10, True), (13, 10, True), (14, 10, False)],
)
def test_an_account_is_new_when_it_was_made_for_the_event(
    account_s: int | None,
    open_s: int | None,
    is_new: bool,  # noqa: FBT001
) -> None:
    """After the opening, or as long before it as the file says; what isn't known is not new."""
    evidence = msgspec.structs.replace(EVIDENCE, account_s=account_s, open_s=open_s)
    assert Counting(600, 3, 5, 100).is_new(evidence) is is_new
