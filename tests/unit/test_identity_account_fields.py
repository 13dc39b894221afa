"""Limits and normal forms of an account's fields."""

from datetime import UTC, date, datetime, timedelta

import email_validator
import pytest
from hypothesis import given
from hypothesis import strategies as st

from command.identity import account_fields as fields
from command.likeness import skeleton_of
from contract.errors import InvalidField
from contract.visible_text import is_visible


@given(st.text(max_size=80))
def test_a_username_that_is_taken_is_in_normal_form(text: str) -> None:
    """Whatever is accepted can be seen, is inside the limits, and its own normal form."""
    try:
        username = fields.check_username(text)
    except InvalidField:
        return
    assert fields.check_username(username) == username == fields.normal_username(text)
    assert len(username) <= 64 and sum(map(is_visible, username)) >= 2
    assert username.replace("\u200c", "").replace("\u200d", "").isprintable()


def test_names_that_look_alike_are_one() -> None:
    """Wide letters, a decomposed accent and space around a name make no second name."""
    assert fields.check_username("  \uff21da ") == "Ada"
    assert fields.check_username("Rene\u0301") == fields.check_username("Ren\u00e9")


@pytest.mark.parametrize(
    "username",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a non-joiner
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Sinhala: Sri, with a joiner
        "\U0001f469\u200d\U0001f469\u200d\U0001f467",  # a family
        "Zo\u00eb \u2764\ufe0f",
        "Nia \U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f",  # the flag of Wales
        "\u738b\u82b3",
        "\u05d0\u05d1 \u05d2\u05d3",
        "Bo",
    ],
)
def test_names_of_the_world(username: str) -> None:
    """Joiners, emoji sequences and names of two characters are taken as they are."""
    assert fields.check_username(username) == username


@pytest.mark.parametrize(
    "username",
    [
        "a",
        "a" * 65,
        "a\0bc",
        "ab\u200bc",
        "line\nbreak",
        "\u202eabc",
        "\u200dab",
        "ab\u200c",
        "ab\u200d cd",
        "a\u200d\u200db",
        "ab\U000e0067\U000e007f",  # tags without a flag
        "\u200d\u200c\u200d",
        "\u3164\u3164\u3164",
        "\u0301\u0301\u0301",
        "\u738b\ufe0f",
    ],
)
def test_bad_usernames(username: str) -> None:
    """Too short, too long, and what can't be seen."""
    with pytest.raises(InvalidField, match="username"):
        fields.check_username(username)


@pytest.mark.parametrize(
    ("email", "normal"),
    [
        ("a.b+c@example.org", "a.b+c@example.org"),
        (" x@y.z ", "x@y.z"),
        ("Ada@Example.ORG", "Ada@example.org"),
        ("\u00fc@b\u00fccher.example", "\u00fc@xn--bcher-kva.example"),
        ("u\u0308@bu\u0308cher.example", "\u00fc@xn--bcher-kva.example"),
        ("\u00fc@\uff42\u00fccher\u3002example", "\u00fc@xn--bcher-kva.example"),
        ("\u00fc@XN--BCHER-KVA.example", "\u00fc@xn--bcher-kva.example"),
        ("ada@fa\u00df.example", "ada@xn--fa-hia.example"),  # another domain than fass
    ],
)
def test_good_mail_addresses(email: str, normal: str) -> None:
    """However a domain is spelled, it is kept as DNS knows it; what stands before it is kept."""
    assert fields.check_email(email) == normal == fields.check_email(normal)


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
        "a@xn--.c",
        "a@-b.c",
        "a@b_c.d",
        "a\u200d@b.c",
        ".a@b.c",
        "a..b@b.c",
        "ada@trial.invalid",  # no letter gets to these
        "ada@printer.local",
        "ada@localhost",
        "ada@mail.test",
    ],
)
def test_bad_mail_addresses(email: str) -> None:
    """What can't be an address."""
    with pytest.raises(InvalidField, match="email"):
        fields.check_email(email)


def test_importing_changes_no_library() -> None:
    """The names that are reserved are still what the library says."""
    assert {"invalid", "local", "test"} <= set(email_validator.SPECIAL_USE_DOMAIN_NAMES)


def test_birth_is_in_the_past() -> None:
    """Yesterday is, today isn't."""
    today = datetime.now(UTC).date()
    yesterday = today - timedelta(days=1)
    assert fields.check_date_of_birth(yesterday.isoformat(), 0) == yesterday
    assert fields.check_date_of_birth("2000-02-29", 0) == date(2000, 2, 29)
    with pytest.raises(InvalidField, match="in the past"):
        fields.check_date_of_birth(today.isoformat(), 0)


def test_somebody_is_of_age_on_the_birthday() -> None:
    """Sixteen years ago today is old enough for sixteen, a day later isn't."""
    today = datetime.now(UTC).date()
    born = date(today.year - 16, today.month, min(today.day, 28))
    assert fields.check_date_of_birth(born.isoformat(), 16) == born
    with pytest.raises(InvalidField, match="17 years old"):
        fields.check_date_of_birth(born.isoformat(), 17)
    with pytest.raises(InvalidField, match="16 years old"):
        fields.check_date_of_birth((today.replace(year=today.year - 15, day=1)).isoformat(), 16)


@pytest.mark.parametrize(
    ("name", "alike"),
    [
        ("paypal", "p\u0430ypal"),  # a Cyrillic letter
        ("Sophie", "\u0405\u043ephi\u0435"),
        ("coffee", "c\u03bfffee"),  # a Greek one
        ("\u0430\u0434\u0430", "a\u0434a"),
        ("Ian", "\u2160an"),  # a Roman numeral
        ("paypal", "paypaI"),  # a capital i
        ("oca", "\u043e\u0441\u0430"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u062e\u0648\u0627\u0647\u0645"),
    ],
)
def test_look_alikes_have_one_skeleton(name: str, alike: str) -> None:
    """Letters of other scripts that look the same make no other name."""
    assert skeleton_of(name) == skeleton_of(alike)


def test_different_names_have_different_skeletons() -> None:
    """What people can tell apart stays apart, in every script, signs and numbers included."""
    names = [
        *("Ada", "Adam", "ian", "lan", "Olga", "0lga", "anna1", "annal", "Bernd", "Bemd", "Zo\u00eb", "Zoe"),
        *("\u738b\u82b3", "\u5de5\u85e4", "\u30a8\u85e4", "\ud55c\uad6d", "\u0e44\u0e17\u0e22", "\u0928\u0940\u0932"),
        *("\u05d0\u05d1 \u05d2\u05d3", "\u0645\u06cc\u062e\u0648\u0627\u0647\u0645", "\u0dc1\u0dca\u200d\u0dbb\u0dd3"),
        *(
            "\u0410\u043d\u0434\u0440\u0435\u0439",
            "\u039d\u03af\u03ba\u03bf\u03c2",
            "\U0001f469\u200d\U0001f467",
            "Zo\u00eb \u2764\ufe0f",
        ),
    ]
    skeletons = {skeleton_of(name) for name in names}
    assert len(skeletons) == len(names)
    assert all(skeletons)


@given(st.text(min_size=2, max_size=64))
def test_a_skeleton_is_its_own(text: str) -> None:
    """Whatever name is taken has a skeleton, which is the same for itself."""
    try:
        skeleton = skeleton_of(fields.check_username(text))
    except InvalidField:
        return
    assert skeleton
    assert skeleton_of(skeleton) == skeleton


@pytest.mark.parametrize(
    "text", ["", "2001-02-29", "20010228", "2001-W01-1", "2001-2-3", "2001-02-03T00:00", "\uff12001-02-03"]
)
def test_other_than_a_date(text: str) -> None:
    """Only YYYY-MM-DD, and only days that exist."""
    with pytest.raises(InvalidField, match="date_of_birth must be a date"):
        fields.check_date_of_birth(text, 0)


def test_passwords() -> None:
    """8 to 128 characters, the same for every keyboard, no NUL."""
    assert fields.check_password("pässword") == fields.check_password("pa\u0308ssword")
    assert fields.check_password("x" * 128) == "x" * 128
    for password in ("x" * 7, "x" * 129, "pass\0word"):
        with pytest.raises(InvalidField, match="password"):
            fields.check_password(password)
