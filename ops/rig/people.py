"""People with tokens of their own, and who signs them."""

import dataclasses
import functools
import json
import secrets
import time
import uuid
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from contract.assurance import Assurance
from contract.pseudonym import voter_of
from contract.tokens import ACCESS_TYPE, AUDIENCE, ISSUER, SeedBox

RECEIPT_KEY, SEAL_KEY = b"r" * 16, b"s" * 32
SEED_KEY, CHALLENGE_KEY, FACTOR_KEY = b"k" * 32, b"c" * 32, b"f" * 32


@dataclasses.dataclass(frozen=True)
class Voter:
    """A person with a valid token."""

    user_id: str
    seed: bytes
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """The Authorization header."""
        return {"Authorization": f"Bearer {self.token}"}

    def pseudonym(self, event_no: int) -> bytes:
        """What stands for this person in the ledger."""
        return voter_of(self.seed, event_no)


class TokenMint:
    """Stands in for identity: signs with a key of its own, serves its public half as a file."""

    def __init__(self, folder: Path) -> None:
        self.jwks = folder / "jwks.json"
        self._sign_with("first-key", _first_key())

    def rotate(self, key_id: str) -> None:
        """Sign with a new key from now on, and publish it in the place of the last one."""
        self._sign_with(key_id, _new_key())

    def _sign_with(self, key_id: str, private: rsa.RSAPrivateKey) -> None:
        self._key_id, self._private = key_id, private
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self._private.public_key(), as_dict=True)
        self.jwks.write_text(json.dumps({"keys": [{**public, "kid": key_id, "alg": "RS256"}]}))

    def voter(self, *roles: str, assurance: Assurance = Assurance.PASSWORD, **claims: Any) -> Voter:
        """A new person; without roles a viewer. Without `since` it is somebody for whom an operator vouches."""
        user_id, seed = str(uuid.uuid4()), secrets.token_bytes(32)
        standard = {
            "sub": user_id,
            "roles": list(roles) or ["viewer"],
            "seed": SeedBox({1: SEED_KEY}).close(seed, user_id),
            "assurance": assurance.value,
        }
        return Voter(user_id, seed, self.token(**standard, **claims))

    def token(self, **claims: Any) -> str:
        """A token with these claims over sound defaults."""
        now = int(time.time())
        standard = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 900, "jti": secrets.token_hex(8)}
        return jwt.encode({**standard, **claims}, self._private, "RS256", {"kid": self._key_id, "typ": ACCESS_TYPE})


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


_first_key = functools.cache(_new_key)  # that of every mint: making one takes as long as a start of a process
