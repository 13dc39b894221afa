"""Makes the tokens that contract/tokens.py checks. The voter seed goes in encrypted, never in the clear."""

import time
import uuid
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from command.identity.signing_keys import SigningKeys
from contract.tokens import ACCESS_TYPE, AUDIENCE, CLIENT_TYPE, ISSUER, SeedBox


class TokenMint:
    """Access tokens for people, client tokens for applications."""

    def __init__(self, keys: SigningKeys, seeds: SeedBox) -> None:
        self._keys = keys
        self._seeds = seeds

    def access(self, user_id: UUID, roles: Sequence[str], voter_seed: bytes, lifetime_s: int) -> str:
        """A person's token; `voter_seed` is 32 bytes."""
        subject = str(user_id)
        claims = _claims(subject, lifetime_s) | {"roles": list(roles), "seed": self._seeds.close(voter_seed, subject)}
        return self._keys.signing().sign(claims, ACCESS_TYPE)

    def client(self, application: str, lifetime_s: int) -> str:
        """An application's token, good for registering people and nothing else."""
        return self._keys.signing().sign(_claims(application, lifetime_s), CLIENT_TYPE)


def _claims(subject: str, lifetime_s: int) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + lifetime_s,
    }
