"""Access tokens: what every process checks and only identity can make.

A token is a JWT whose key id picks the public key, and the key picks the one algorithm it may be used
with; nothing else in the header is trusted. The voter seed travels inside, encrypted and bound to the
subject, so that the voting path needs no look-up.

    typ at+jwt       a person: sub (user_id), roles, seed, jti, sid (session_id), since (when the account was made),
                     assurance (how it is known who the person is), cohort (who has a like name)
    typ client+jwt   an application that may register people: sub (its name), jti
    typ challenge+jwt   whoever solved a challenge and may register one person: purpose, jti
    typ passkey+jwt  what a person's passkey is asked to sign: sub (user_id), purpose, jti
    typ confirm+jwt  the link that was sent to a person's mail address: sub (user_id), address (its hash), jti
"""

import hashlib
import os
import time
from collections.abc import Mapping
from typing import Any

import jwt
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from contract import base64url
from contract.assurance import Assurance, assurance_of
from contract.errors import Busy, Unauthorized
from contract.pseudonym import SEED_BYTES

ISSUER = AUDIENCE = "vote"
ACCESS_TYPE = "at+jwt"
CLIENT_TYPE = "client+jwt"
CHALLENGE_TYPE = "challenge+jwt"
CONFIRM_TYPE = "confirm+jwt"
PASSKEY_TYPE = "passkey+jwt"
TOKEN_BYTES_MAX = 4096
STAFF_ROLES = frozenset({"host", "admin"})
CLOCK_SKEW_S = 60  # between the machine that signed and this one
# Of each key, 10 MB: more people than one process answers in five seconds, so who polls or repeats is among them.
TOKENS_REMEMBERED_MAX = 65_536
_KEY_NO_BYTES = 2
_NONCE_BYTES = 12
_SEALED_AT = _KEY_NO_BYTES + _NONCE_BYTES
_BOX_BYTES = _SEALED_AT + SEED_BYTES + 16


class Caller(msgspec.Struct, frozen=True):
    """Who sends a request, by a verified access token. `seed_box` is opened only where it is needed."""

    user_id: str
    roles: frozenset[str]
    token_id: str
    expires_at: int  # Unix seconds
    seed_box: str
    session_id: str = ""
    since: int = 0  # when the account was made, Unix seconds; 0: unknown, or an operator vouches for it
    assurance: Assurance = Assurance.PASSWORD
    issued_at: int = 0  # Unix seconds
    cohort: str = ""  # the same for names that differ by their digits only; "" for a name without any

    def is_user(self, user_id: str) -> bool:
        """Whether this UUID, in whatever case, is the caller's own."""
        return user_id.lower() == self.user_id

    @property
    def is_staff(self) -> bool:
        """Hosts and admins run events."""
        return bool(self.roles & STAFF_ROLES)

    @property
    def may_read_all(self) -> bool:
        """Admins and auditors may look at other people's votes."""
        return bool(self.roles & {"admin", "auditor"})


class SeedBox:
    """Closes and opens the voter seed inside a token, under keys by number, shared by identity, command and query.

        base64url of    2           12      32 + 16
                     | key_no | nonce | seed, encrypted |

    Each is 32 bytes. The newest closes, all open: so a new key goes to those who open, and only then to identity.
    AES-GCM-SIV, since a key closes more boxes than AES-GCM allows with drawn nonces (2^32; an audience needs hours for
    that): here two boxes with one nonce only tell whether they are the same box.
    """

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self._ciphers = {number.to_bytes(_KEY_NO_BYTES, "big"): AESGCMSIV(key) for number, key in keys.items()}
        self._newest = max(self._ciphers)

    def close(self, seed: bytes, user_id: str) -> str:
        """The seed (32 bytes) encrypted for this user, as base64url text."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, seed, user_id.encode())
        return base64url.encode(self._newest + nonce + sealed).decode()

    def open(self, caller: Caller) -> bytes:
        """The caller's seed, 32 bytes; `Unauthorized` when the box isn't this user's, `Busy` until its key is here."""
        try:
            box = base64url.decode(caller.seed_box.encode())
            if len(box) != _BOX_BYTES:
                raise Unauthorized
            cipher = self._ciphers[box[:_KEY_NO_BYTES]]
            return cipher.decrypt(box[_KEY_NO_BYTES:_SEALED_AT], box[_SEALED_AT:], caller.user_id.encode())
        except KeyError as error:
            raise Busy("this server doesn't have the token's seed key yet") from error
        except (InvalidTag, ValueError) as error:
            raise Unauthorized from error


class UnknownKeyError(Exception):
    """The token names a key that is not in the set; a refresh of the set may bring it."""


class Claims(msgspec.Struct, frozen=True):
    """What a token says, once it is verified; times in Unix seconds. `roles` to `assurance` are a person's."""

    iss: str
    aud: str
    sub: str
    jti: str
    iat: int
    exp: int
    nbf: int = 0
    roles: list[str] = []
    seed: str = ""
    sid: str = ""
    since: int = 0
    assurance: str = "password"
    purpose: str = ""
    cohort: str = ""
    address: str = ""


class _Header(msgspec.Struct, frozen=True):
    alg: str
    kid: str
    typ: str
    # Both change what the rest means, so a token that has one is refused (RFC 7515, 7797); all else is ignored.
    crit: Any = msgspec.UNSET
    b64: Any = msgspec.UNSET


class SeenTokens:
    """Tokens seen to be well signed, by the digest of their exact text; at most so many.

    In two halves: a full young one becomes the old one, and the old one is forgotten. What comes again is young again:
    to push it out takes half of `tokens_max`, all with good signatures, between two of its calls.
    """

    def __init__(self, tokens_max: int) -> None:
        self._half_max = tokens_max // 2
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()

    def __contains__(self, digest: bytes) -> bool:
        if digest in self._old:
            self.add(digest)
        return digest in self._young

    def add(self, digest: bytes) -> None:
        """Remember it, for as long as there is room."""
        if len(self._young) >= self._half_max:
            self._young, self._old = set(), self._young
        self._young.add(digest)


class _Key:
    """A public key, as the set gave it, and the tokens that it was seen to have signed: they leave with it."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.jwk = jwt.PyJWK(given, algorithm=given["alg"])
        if self.jwk.key_type not in ("RSA", "EC", "OKP"):
            raise ValueError("a key set may hold public keys only")
        self._seen = SeenTokens(TOKENS_REMEMBERED_MAX)

    def has_signed(self, token: bytes) -> bool:
        """Whether the token's signature is good; raises ValueError when that can't be read."""
        digest = hashlib.sha256(token).digest()
        if digest in self._seen:
            return True
        signed, _, signature = token.rpartition(b".")
        if not self.jwk.Algorithm.verify(signed, self.jwk.key, base64url.decode(signature)):
            return False
        self._seen.add(digest)
        return True


class KeySet:
    """The public keys by key id, each with the only algorithm it may verify.

    A token is verified once a vote, which makes this the dearest step of a vote: PyJWT does the cryptography, and its
    general decoding (twice what the signature costs) is replaced by the few steps that our own tokens need. Whatever
    PyJWT refuses is refused here, and so is a second spelling of the same token. (Only an ES256 signature has two forms
    by nature. A token is known by its `jti`, never by its text.)
    Of a token that comes again only the signature is taken as seen; its key, its type, its times and what it says are
    looked at each time. So nothing that is remembered can be out of date.
    """

    def __init__(self) -> None:
        self._keys: dict[str, _Key] = {}
        self._header_decoder = msgspec.json.Decoder(_Header)
        self._claims_decoder = msgspec.json.Decoder(Claims)

    def replace(self, jwks: Mapping[str, Any]) -> None:
        """Take a new set, as served by /.well-known/jwks.json; raises on a malformed one and keeps the old."""
        self._keys = {given["kid"]: self._kept(given) or _Key(given) for given in jwks["keys"]}

    def __bool__(self) -> bool:
        return bool(self._keys)

    def caller(self, token: str) -> Caller:
        """Verify an access token; raises `Unauthorized`, or `UnknownKeyError` for a key id not in the set."""
        claims = self.claims(token, ACCESS_TYPE)
        if not claims.seed:
            raise Unauthorized
        return Caller(
            claims.sub,
            frozenset(claims.roles),
            claims.jti,
            claims.exp,
            claims.seed,
            claims.sid,
            claims.since,
            assurance_of(claims.assurance),
            claims.iat,
            claims.cohort,
        )

    def claims(self, token: str, token_type: str) -> Claims:
        """The verified claims of a token of one type; errors as `caller`."""
        if len(token) > TOKEN_BYTES_MAX:
            raise Unauthorized
        try:
            text = token.encode("ascii")
            signed = text.rpartition(b".")[0]
            header, _, payload = signed.partition(b".")
            key = self._key(self._header_decoder.decode(_json(header)), token_type)
            if not key.has_signed(text):
                raise Unauthorized
            claims = self._claims_decoder.decode(_json(payload))
        except (ValueError, RecursionError) as error:  # UnicodeError, binascii.Error and msgspec's are ValueErrors
            raise Unauthorized from error
        not_before = max(claims.iat, claims.nbf) - CLOCK_SKEW_S
        if claims.iss != ISSUER or claims.aud != AUDIENCE or not not_before <= time.time() < claims.exp:
            raise Unauthorized
        return claims

    def _kept(self, given: dict[str, Any]) -> _Key | None:
        key = self._keys.get(given["kid"])
        return key if key and key.given == given else None

    def _key(self, header: _Header, token_type: str) -> _Key:
        if header.typ != token_type or header.crit is not msgspec.UNSET or header.b64 is not msgspec.UNSET:
            raise Unauthorized
        key = self._keys.get(header.kid)
        if key is None:
            raise UnknownKeyError
        if header.alg != key.jwk.algorithm_name:
            raise Unauthorized
        return key


def _json(part: bytes) -> str:
    """A part's JSON as text, since msgspec doesn't look whether members that it skips are UTF-8."""
    return base64url.decode(part).decode()
