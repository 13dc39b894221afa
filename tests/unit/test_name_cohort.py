"""Which names are of one cohort: those in a row."""

import pytest

from command.identity.name_cohort import cohort_key, cohort_of

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("one", "other"),
    [("fan001", "fan002"), ("Fan1", "fan22"), ("a1b2", "a3b4"), ("٣fan", "5fan"), ("01712345601", "01712345699")],
)
def test_names_in_a_row_are_of_one_cohort(one: str, other: str) -> None:
    """They differ by digits of whatever script; numbers by their last two."""
    assert cohort_of(one, KEY) == cohort_of(other, KEY) != ""


@pytest.mark.parametrize(("one", "other"), [("fan1", "fun1"), ("01712345601", "01712345701"), ("1fan", "fan1")])
def test_other_names_are_of_others(one: str, other: str) -> None:
    """And so they are under another key."""
    assert cohort_of(one, KEY) != cohort_of(other, KEY)
    assert cohort_of(one, KEY) != cohort_of(one, b"o" * 32)


def test_the_key_is_one_of_its_own() -> None:
    """Always the same for a secret, another for another, and not the secret."""
    assert len({KEY, cohort_key(KEY), cohort_key(b"o" * 32)}) == 3
    assert cohort_key(KEY) == cohort_key(KEY)


def test_a_name_without_digits_is_of_none() -> None:
    """Nothing follows on it."""
    assert cohort_of("anna", KEY) == ""
