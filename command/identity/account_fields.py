"""What a person may be called: limits and normal forms of the fields of an account. Pure.

Names are NFKC, so that two that look alike to a phone are one. Nothing that can't be printed gets in, NUL included, but
joiners between two characters, which Persian, Sinhala and emoji are written with, and the tags of a flag. A mail
address has its domain as DNS knows it, in ASCII, and one that letters can be sent to: the names that are reserved for
trials and closed networks (.test, .local …) are none. Who is the same by name or mail is told by identity.folded() in
SQL, by the name's skeleton (command/likeness.py) and by the mailbox (mailboxes.py).
"""

import re
import unicodedata
from datetime import UTC, date, datetime

from email_validator import EmailNotValidError, validate_email

from contract.errors import InvalidField
from contract.visible_text import is_visible

USERNAME_CHARS = (2, 64)
EMAIL_CHARS_MAX = 254
PASSWORD_CHARS = (8, 128)

_HARDLY_SEEN = str.maketrans({"\u0131": "i", **dict.fromkeys("\u200c\u200d\ufe0e\ufe0f", "")})
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_JOINER = r"(?<=[^\s\u200c\u200d])[\u200c\u200d](?=[^\s\u200c\u200d])"
_FLAG_TAGS = r"(?<=\U0001F3F4)[\U000E0030-\U000E0039\U000E0061-\U000E007A]{1,6}\U000E007F"
_PART_OF_A_SIGN = re.compile(f"{_JOINER}|{_FLAG_TAGS}")


def normal_username(text: str) -> str:
    """The form in which a username is stored; case is kept."""
    return unicodedata.normalize("NFKC", text).strip()


def folded(text: str) -> str:
    """What identity.folded() makes of it in SQL: names that give the same are one account's."""
    seen = unicodedata.normalize("NFKC", text).casefold().translate(_HARDLY_SEEN).replace("i\u0307", "i")
    return unicodedata.normalize("NFKC", seen)


def normal_password(text: str) -> str:
    """One form for what different keyboards send for the same password."""
    return unicodedata.normalize("NFKC", text)


def check_username(text: str) -> str:
    """The normal form; raises `InvalidField`."""
    username = normal_username(text)
    shortest, longest = USERNAME_CHARS
    if len(username) > longest or sum(map(is_visible, username)) < shortest:
        raise InvalidField(f"username must have {shortest} to {longest} characters that can be seen", field="username")
    if not _PART_OF_A_SIGN.sub("", username).isprintable():
        raise InvalidField("username has a character that can't be printed", field="username")
    return username


def check_email(text: str) -> str:
    """The address without surrounding space, its domain in ASCII and lower case; raises `InvalidField`."""
    try:
        valid = validate_email(text.strip(), strict=True, check_deliverability=False)
    except EmailNotValidError as error:
        raise InvalidField("email must be a mail address", field="email") from error
    return f"{valid.local_part}@{valid.ascii_domain}"


def check_date_of_birth(text: str, min_age_years: int) -> date:
    """A date in the past, written YYYY-MM-DD, of somebody who is old enough; raises `InvalidField`."""
    try:
        born = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        born = None
    if born is None:
        raise InvalidField("date_of_birth must be a date", field="date_of_birth")
    today = datetime.now(UTC).date()
    if born >= today:
        raise InvalidField("date_of_birth must be in the past", field="date_of_birth")
    if (born.year + min_age_years, born.month, born.day) > (today.year, today.month, today.day):
        raise InvalidField(f"you must be {min_age_years} years old to register", field="date_of_birth")
    return born


def check_password(text: str) -> str:
    """The normal form; raises `InvalidField`."""
    password = normal_password(text)
    shortest, longest = PASSWORD_CHARS
    if not shortest <= len(password) <= longest:
        raise InvalidField(f"password must have {shortest} to {longest} characters", field="password")
    if "\0" in password:
        raise InvalidField("password must not contain NUL", field="password")
    return password
