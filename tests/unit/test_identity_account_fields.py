"""Limits and normal forms of an account's fields."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command.identity import account_fields as fields
from contract.errors import InvalidField


@given(st.text(max_size=80))
def test_a_username_that_is_taken_is_in_normal_form(text: str) -> None:
    """Whatever is accepted is printable, inside the limits, and its own normal form."""
    try:
        username = fields.check_username(text)
    except InvalidField:
        return
    assert fields.check_username(username) == username == fields.normal_username(text)
    assert username.isprintable() and 3 <= len(username) <= 64


def test_names_that_look_alike_are_one() -> None:
    """Wide letters, a decomposed accent and space around a name make no second name."""
    assert fields.check_username("  \uff21da ") == "Ada"
    assert fields.check_username("Rene\u0301") == fields.check_username("Ren\u00e9")


@pytest.mark.parametrize("username", ["ab", "a" * 65, "a\0bc", "ab\u200bc", "line\nbreak", "\u202eabc"])
def test_bad_usernames(username: str) -> None:
    """Too short, too long, and what can't be seen."""
    with pytest.raises(InvalidField, match="username"):
        fields.check_username(username)


@pytest.mark.parametrize("email", ["a.b+c@example.org", "ü@bücher.example", " x@y.z "])
def test_good_mail_addresses(email: str) -> None:
    """Addresses are taken as they are, without the space around them."""
    assert fields.check_email(email) == email.strip()


@pytest.mark.parametrize(
    "email",
    [
        "",
        "a",
        "@b.c",
        "a@",
        "a@b",
        "a@b.",
        "a@.b",
        "a b@c.d",
        "a@b@c.d",
        "a\0@b.c",
        f"{'a' * 65}@b.c",
        f"a@{'b' * 251}.c",
    ],
)
def test_bad_mail_addresses(email: str) -> None:
    """What can't be an address."""
    with pytest.raises(InvalidField, match="email"):
        fields.check_email(email)


def test_birth_is_in_the_past() -> None:
    """Yesterday is, today isn't."""
    today = datetime.now(UTC).date()
    yesterday = today - timedelta(days=1)
    assert fields.check_date_of_birth(yesterday.isoformat()) == yesterday
    assert fields.check_date_of_birth("2000-02-29") == date(2000, 2, 29)
    with pytest.raises(InvalidField, match="in the past"):
        fields.check_date_of_birth(today.isoformat())


@pytest.mark.parametrize(
    "text", ["", "2001-02-29", "20010228", "2001-W01-1", "2001-2-3", "2001-02-03T00:00", "\uff12001-02-03"]
)
def test_other_than_a_date(text: str) -> None:
    """Only YYYY-MM-DD, and only days that exist."""
    with pytest.raises(InvalidField, match="date_of_birth must be a date"):
        fields.check_date_of_birth(text)


def test_passwords() -> None:
    """8 to 128 characters, the same for every keyboard, no NUL."""
    assert fields.check_password("pässword") == fields.check_password("pa\u0308ssword")
    assert fields.check_password("x" * 128) == "x" * 128
    for password in ("x" * 7, "x" * 129, "pass\0word"):
        with pytest.raises(InvalidField, match="password"):
            fields.check_password(password)
