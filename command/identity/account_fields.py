"""What a person may be called: limits and normal forms of the fields of an account. Pure.

Names are NFKC, so that two that look alike to a phone are one. Nothing that can't be printed gets in, NUL included.
"""

import re
import unicodedata
from datetime import UTC, date, datetime

from contract.errors import InvalidField

USERNAME_CHARS = (3, 64)
EMAIL_CHARS_MAX = 254
PASSWORD_CHARS = (8, 128)

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def normal_username(text: str) -> str:
    """The form in which a username is stored and looked up; case is kept."""
    return unicodedata.normalize("NFKC", text).strip()


def normal_password(text: str) -> str:
    """One form for what different keyboards send for the same password."""
    return unicodedata.normalize("NFKC", text)


def check_username(text: str) -> str:
    """The normal form; raises `InvalidField`."""
    username = normal_username(text)
    shortest, longest = USERNAME_CHARS
    if not shortest <= len(username) <= longest:
        raise InvalidField(f"username must have {shortest} to {longest} characters", field="username")
    if not username.isprintable():
        raise InvalidField("username has a character that can't be printed", field="username")
    return username


def check_email(text: str) -> str:
    """The address without surrounding space; raises `InvalidField`."""
    email = unicodedata.normalize("NFC", text).strip()
    if len(email) > EMAIL_CHARS_MAX or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise InvalidField("email must be a mail address", field="email")
    return email


def check_date_of_birth(text: str) -> date:
    """A date in the past, written YYYY-MM-DD; raises `InvalidField`."""
    try:
        born = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        born = None
    if born is None:
        raise InvalidField("date_of_birth must be a date", field="date_of_birth")
    if born >= datetime.now(UTC).date():
        raise InvalidField("date_of_birth must be in the past", field="date_of_birth")
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
