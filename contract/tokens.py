"""Access tokens: what every process checks and only identity can make.

A token is a JWT whose key id picks the public key, and the key picks the one algorithm it may be used
with; nothing else in the header is trusted. The voter seed travels inside, encrypted (AES-GCM, bound to
the subject), so that the voting path needs no look-up.

    typ at+jwt       a person: sub (user_id), roles, seed, jti
    typ client+jwt   an application that may register people: sub (its name), jti
"""

import base64
import binascii
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contract.errors import Unauthorized

ISSUER = AUDIENCE = "vote"
ACCESS_TYPE = "at+jwt"
CLIENT_TYPE = "client+jwt"
TOKEN_BYTES_MAX = 4096
STAFF_ROLES = frozenset({"host", "admin"})
_NONCE_BYTES = 12
_REQUIRED_CLAIMS = ["exp", "iat", "iss", "aud", "sub", "jti"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request, by a verified access token. `seed_box` is opened only where it is needed."""

    user_id: str
    roles: frozenset[str]
    token_id: str
    expires_at: int  # Unix seconds
    seed_box: str

    @property
    def is_staff(self) -> bool:
        """Hosts and admins run events."""
        return bool(self.roles & STAFF_ROLES)

    @property
    def may_read_all(self) -> bool:
        """Admins and auditors may look at other people's votes."""
        return bool(self.roles & {"admin", "auditor"})


class SeedBox:
    """Closes and opens the voter seed inside a token; the key is 32 bytes and shared by identity, command and query."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, seed: bytes, user_id: str) -> str:
        """The seed (32 bytes) encrypted for this user, as base64url text."""
        nonce = os.urandom(_NONCE_BYTES)
        return base64.urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, seed, user_id.encode())).decode()

    def open(self, caller: Caller) -> bytes:
        """The caller's seed, 32 bytes; `Unauthorized` when the box was not closed for this user."""
        try:
            sealed = base64.urlsafe_b64decode(caller.seed_box)
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], caller.user_id.encode())
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise Unauthorized from error


class UnknownKeyError(Exception):
    """The token names a key that is not in the set; a refresh of the set may bring it."""


class KeySet:
    """The public keys by key id, each with the only algorithm it may verify."""

    def __init__(self) -> None:
        self._keys: dict[str, jwt.PyJWK] = {}
        self._jwt = jwt.PyJWT()

    def replace(self, jwks: Mapping[str, Any]) -> None:
        """Take a new set, as served by /.well-known/jwks.json; raises on a malformed one and keeps the old."""
        keys = {key["kid"]: jwt.PyJWK(key, algorithm=key["alg"]) for key in jwks["keys"]}
        if any(key.key_type not in ("RSA", "EC", "OKP") for key in keys.values()):
            raise ValueError("a key set may hold public keys only")
        self._keys = keys

    def __bool__(self) -> bool:
        return bool(self._keys)

    def caller(self, token: str) -> Caller:
        """Verify an access token; raises `Unauthorized`, or `UnknownKeyError` for a key id not in the set."""
        claims = self.claims(token, ACCESS_TYPE)
        roles, seed_box = claims.get("roles"), claims.get("seed")
        if not isinstance(roles, list) or not isinstance(seed_box, str) or not _is_uuid(claims["sub"]):
            raise Unauthorized
        return Caller(claims["sub"], frozenset(map(str, roles)), claims["jti"], int(claims["exp"]), seed_box)

    def claims(self, token: str, token_type: str) -> dict[str, Any]:
        """The verified claims of a token of one type; errors as `caller`."""
        if len(token) > TOKEN_BYTES_MAX:
            raise Unauthorized
        header = _header(token)
        if header.get("typ") != token_type:
            raise Unauthorized
        key = self._keys.get(str(header.get("kid")))
        if key is None:
            raise UnknownKeyError
        try:
            claims: dict[str, Any] = self._jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm_name],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": _REQUIRED_CLAIMS},
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise Unauthorized from error
        return claims


def _header(token: str) -> dict[str, Any]:
    """The unverified header, of which only typ and kid are used, to choose a key."""
    try:
        encoded = token.split(".", 1)[0]
        header = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (ValueError, RecursionError) as error:
        raise Unauthorized from error
    if not isinstance(header, dict):
        raise Unauthorized
    return header


def _is_uuid(text: Any) -> bool:
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text
    except ValueError:
        return False
