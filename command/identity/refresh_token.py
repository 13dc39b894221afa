"""Refresh tokens: a family (session) id and a secret, as one base64url text; the database knows only hashes.

    t0 ──successor──► t1 ──successor──► t2      each names the same family; only the newest one goes on

A token's successor is computed with a key of identity's, not drawn. So two refreshes that an honest phone sends at
once get the same new token, whichever of them the database takes first, and neither locks the other out; and one that
comes late, with others taken in between, is led to the newest. That key isn't one that signs, so signing keys come and
go without it; names are hashed with one that is derived from it (name_cohort.py).
"""

import hashlib
import hmac
import itertools
import secrets
import uuid
from dataclasses import dataclass
from uuid import UUID

from contract import base64url

SECRET_BYTES = 32
_FAMILY_BYTES = 16


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One token of the family `session_id`; `secret` is 32 bytes."""

    session_id: UUID
    secret: bytes

    @property
    def hash(self) -> bytes:
        """What is stored: 32 bytes."""
        return hashlib.sha256(self.secret).digest()

    def text(self) -> str:
        """As the client keeps it."""
        return base64url.encode(self.session_id.bytes + self.secret).decode()

    def successor(self, key: bytes) -> "RefreshToken":
        """The token that replaces this one: always the same, and only who has the key (32 bytes) can tell."""
        return RefreshToken(self.session_id, hmac.digest(key, self.secret, "sha256"))

    def following(self, key: bytes, count: int) -> list["RefreshToken"]:
        """The next `count` tokens of the family."""
        walk = itertools.accumulate(range(count), lambda token, _: token.successor(key), initial=self)
        return list(walk)[1:]


def new_family() -> RefreshToken:
    """The first token of a new family."""
    return RefreshToken(uuid.uuid4(), secrets.token_bytes(SECRET_BYTES))


def parse_refresh_token(text: str) -> RefreshToken | None:
    """The token behind what a client sent, or None when it can't be one."""
    try:
        content = base64url.decode(text.encode())
    except ValueError:
        return None
    if len(content) != _FAMILY_BYTES + SECRET_BYTES:
        return None
    return RefreshToken(UUID(bytes=content[:_FAMILY_BYTES]), content[_FAMILY_BYTES:])
