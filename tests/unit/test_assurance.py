"""Levels of assurance have an order, and a word that nobody knows is worth the least."""

from itertools import product

import pytest

from contract.assurance import Assurance, assurance_of

RISING = [Assurance.PASSWORD, Assurance.MAIL, Assurance.FEDERATED, Assurance.ATTESTED]


@pytest.mark.parametrize(("weaker", "stronger"), [*product(range(4), repeat=2)])
def test_levels_rise(weaker: int, stronger: int) -> None:
    """A level meets itself and all below."""
    assert RISING[weaker].meets(RISING[stronger]) == (weaker >= stronger)


def test_levels_by_their_words() -> None:
    """Each has its word; others, in another case too, are the weakest of a person."""
    assert [assurance_of(word) for word in ("password", "mail", "federated", "attested")] == RISING
    assert {assurance_of(word) for word in ("", "ATTESTED", "attested ", "admin")} == {Assurance.PASSWORD}


def test_canaries_and_people_do_not_meet() -> None:
    """No event of people takes a canary, however little it asks for, and none of canaries a person."""
    assert assurance_of("canary") is Assurance.CANARY
    assert Assurance.CANARY.meets(Assurance.CANARY)
    assert not any(Assurance.CANARY.meets(each) or each.meets(Assurance.CANARY) for each in RISING)
