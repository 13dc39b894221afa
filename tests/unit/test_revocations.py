"""The list of whose access tokens are refused before they expire."""

import pytest

from contract import revocations
from contract.revocations import RevocationList


def test_each_is_new_once() -> None:
    """What is read again is known, and what has expired is let go of."""
    listed = RevocationList()
    assert listed.add({"a": 10.0, "b": 20.0}) == {"a", "b"}
    assert listed.add({"b": 20.0, "c": 30.0}) == {"c"}
    listed.forget_ended(20.0)
    assert (listed.any_of(["a", "b"]), listed.any_of(["c"]), len(listed)) == (False, True, 1)


def test_beyond_the_limit_the_shortest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many log out, an operator's token of a week that was revoked before them stays so."""
    monkeypatch.setattr(revocations, "REVOKED_MAX", 10)
    listed = RevocationList()
    listed.add({"week": 604_800.0})
    for second in range(50):
        listed.add({f"logout {second}": 900.0 + second})
    assert len(listed) == 10
    assert listed.any_of(["week"])
    assert [second for second in range(50) if listed.any_of([f"logout {second}"])] == list(range(41, 50))


def test_nobody_waits_for_many_that_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """They go some at a time."""
    monkeypatch.setattr(revocations, "ENDED_PER_CALL", 4)
    listed = RevocationList()
    listed.add({str(number): 1.0 for number in range(10)})
    left = []
    while listed:
        listed.forget_ended(2.0)
        left.append(len(listed))
    assert left == [6, 2, 0]
