"""Which accounts have names in a row: fan001, fan002 … are of one cohort. It tells who is alike, and never the name."""

import hashlib
import re

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from contract import base64url

_COHORT_BYTES = 9  # twelve characters
_DIGITS = re.compile(r"\d+")


def cohort_key(secret: bytes) -> bytes:
    """A key of its own, 32 bytes, that tells nothing of the secret that it comes from."""
    return HKDF(SHA256(), length=32, salt=None, info=b"vote name cohorts").derive(secret)


def cohort_of(username: str, key: bytes) -> str:
    """A keyed hash of what is left of the name without its digits; "" for a name without any.

    Of a name that is a number, as phones have, it is all but the last two digits.
    """
    name = username.casefold()
    stem, numbers = _DIGITS.subn("#", name)
    if not numbers:
        return ""
    if not any(map(str.isalpha, stem)):
        stem = name[:-2]
    hashed = hashlib.blake2b(stem.encode(), digest_size=_COHORT_BYTES, key=key, person=b"cohort").digest()
    return base64url.encode(hashed).decode()
