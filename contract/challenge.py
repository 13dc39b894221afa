"""Challenges: a little work for a phone, much of it for a farm. Identity makes them; who has the key checks them.

ALTCHA's proof of work, version 2: a counter has to be found whose derived key is the challenge's. All that is to be
known of it is inside, signed, so neither side remembers any:

    identity ──challenge──► client finds the counter ──payload──► checked by two signatures, nothing derived again

What a challenge is for is signed with it. A vote's is one voter's in one event: sent again it is the same vote again,
and to others it is of no use; so it needs no memory. Others are burned by identity, each by its `Solved.challenge_id`
and never by the payload's text, which has many spellings.
"""

import base64
import hmac
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

import altcha
import msgspec

from contract.errors import ChallengeInvalid

Purpose = Literal["register", "login", "vote"]

ALGORITHM: Literal["PBKDF2/SHA-256"] = "PBKDF2/SHA-256"  # every browser has it
PAYLOAD_CHARS_MAX = 4096

_Hex16 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
_Hex32 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Aim(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a challenge is for; the ids are a vote's, in lower case."""

    purpose: Purpose
    event_id: str = ""
    user_id: str = ""


class ChallengeData(Aim, frozen=True, omit_defaults=True, kw_only=True):
    """What we have signed beside ALTCHA's parameters: the aim, and the number of the key that signed it."""

    key: int

    @property
    def aim(self) -> Aim:
        """What the challenge is for."""
        return Aim(self.purpose, self.event_id, self.user_id)


class ChallengeParameters(msgspec.Struct, frozen=True, rename="camel"):
    """What ALTCHA's widget reads; `expiresAt` is Unix seconds."""

    algorithm: str
    cost: int
    key_length: int
    key_prefix: _Hex16
    key_signature: _Hex32
    nonce: _Hex16
    salt: _Hex16
    expires_at: int
    data: ChallengeData


class Challenge(msgspec.Struct, frozen=True):
    """A challenge as ALTCHA's widget (version 3) takes it."""

    parameters: ChallengeParameters
    signature: _Hex32


class _Solution(msgspec.Struct, frozen=True, rename="camel"):
    counter: int
    derived_key: _Hex32


class _Payload(msgspec.Struct, frozen=True):
    challenge: Challenge
    solution: _Solution


class Solved(NamedTuple):
    """A challenge that was solved: the same 16 bytes whatever its payload looks like, and when it expires (Unix s)."""

    challenge_id: bytes
    expires_at: int


class ChallengeExpired(ChallengeInvalid):
    """the challenge has expired"""


class Challenger:
    """Makes and checks challenges under keys by number, 32 bytes each: the newest makes, all check."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self._secrets = {number: _Secrets(key) for number, key in keys.items()}
        self._newest = max(keys)
        self._decoder = msgspec.json.Decoder(_Payload)

    def make(self, aim: Aim, iterations: int, counter: int, expires_at: int) -> Challenge:
        """A challenge that `counter` + 1 tries of so many PBKDF2 iterations solve; making it costs one try."""
        secrets = self._secrets[self._newest]
        data = ChallengeData(**msgspec.structs.asdict(aim), key=self._newest)
        made = altcha.create_challenge(
            ALGORITHM,
            iterations,
            counter=counter,
            expires_at=expires_at,
            data=msgspec.to_builtins(data),
            hmac_secret=secrets.of_challenge,
            hmac_key_secret=secrets.of_solution,
        )
        return msgspec.convert(made.to_dict(), Challenge)

    def check(self, payload: str, aim: Aim) -> Solved:
        """What was solved, by a payload as ALTCHA's widget sends it; `ChallengeInvalid` says what is wrong with it.

        `ChallengeExpired` is said of whatever says so itself: its signatures aren't looked at any more.
        Whether it was used before is for the caller to know.
        """
        given = self._decoded(payload)
        parameters = given.challenge.parameters
        secrets = self._secrets.get(parameters.data.key)
        if secrets is None:
            raise ChallengeInvalid
        as_altcha = altcha.Payload.from_dict(msgspec.to_builtins(given))
        result = altcha.verify_solution(as_altcha, secrets.of_challenge, hmac_key_secret=secrets.of_solution)
        if result.expired:
            raise ChallengeExpired
        if not result.verified:
            raise ChallengeInvalid
        if parameters.data.aim != aim:
            raise ChallengeInvalid("the challenge was made for something else")
        return Solved(bytes.fromhex(parameters.nonce), parameters.expires_at)

    def _decoded(self, payload: str) -> _Payload:
        if len(payload) > PAYLOAD_CHARS_MAX:
            raise ChallengeInvalid
        try:
            return self._decoder.decode(base64.b64decode(payload, validate=True))
        except (ValueError, RecursionError) as error:  # binascii's and msgspec's are ValueErrors
            raise ChallengeInvalid from error


class _Secrets:
    """What ALTCHA signs challenges with, and what it signs their solutions with."""

    def __init__(self, key: bytes) -> None:
        self.of_challenge = hmac.digest(key, b"challenge", "sha256")
        self.of_solution = hmac.digest(key, b"solution", "sha256")
