"""Makes the tokens that contract/tokens.py checks. The voter seed goes in encrypted, never in the clear."""

import time
import uuid
from typing import Any
from uuid import UUID

from command.identity.account_store import User
from command.identity.name_cohort import cohort_of
from command.identity.signing_keys import SigningKeys
from contract.assurance import Assurance
from contract.tokens import (
    ACCESS_TYPE,
    AUDIENCE,
    CHALLENGE_TYPE,
    CLIENT_TYPE,
    CONFIRM_TYPE,
    ISSUER,
    PASSKEY_TYPE,
    SeedBox,
)

SOLVED_PREFIX = "challenge:"  # of the jti; Postgres lets such a one register one person


class TokenMint:
    """Access tokens for people, client tokens for applications, of one registration for solved challenges, links."""

    def __init__(self, keys: SigningKeys, seeds: SeedBox, cohort_key: bytes) -> None:
        self._keys = keys
        self._seeds = seeds
        self._cohort_key = cohort_key

    def access(
        self,
        user: User,
        session_id: UUID,
        lifetime_s: int,
        assurance: Assurance = Assurance.PASSWORD,
        *,
        is_vouched: bool = False,
    ) -> str:
        """A person's token; its session may be one that is in no table, as of those that an operator hands out.

        For whom an operator vouches, as for each canary, it doesn't matter when the account was made: it isn't said.
        """
        subject = str(user.user_id)
        claims = _claims(subject, lifetime_s) | {
            "roles": user.roles,
            "seed": self._seeds.close(user.voter_seed, subject),
            "sid": str(session_id),
            "since": 0 if is_vouched or assurance is Assurance.CANARY else int(user.created_at.timestamp()),
            "assurance": assurance.value,
            "cohort": cohort_of(user.username, self._cohort_key),
        }
        return self._keys.signing().sign(claims, ACCESS_TYPE)

    def client(self, application: str, lifetime_s: int) -> str:
        """An application's token, good for registering people and nothing else."""
        return self._keys.signing().sign(_claims(application, lifetime_s), CLIENT_TYPE)

    def registration(self, challenge_id: bytes, lifetime_s: int) -> str:
        """The token of whoever solved this challenge, good for registering one person: its jti is of the challenge."""
        claims = _claims("", lifetime_s) | {"jti": f"{SOLVED_PREFIX}{challenge_id.hex()}", "purpose": "register"}
        return self._keys.signing().sign(claims, CHALLENGE_TYPE)

    def passkey_challenge(self, user_id: UUID, purpose: str, lifetime_s: int) -> str:
        """What a person's passkey is asked to sign, for one purpose; its jti is burned by whoever takes it."""
        return self._keys.signing().sign(_claims(str(user_id), lifetime_s) | {"purpose": purpose}, PASSKEY_TYPE)

    def confirmation(self, user_id: str, address_hash: str, lifetime_s: int) -> str:
        """The token of a link that confirms a mail address, and nothing else."""
        return self._keys.signing().sign(_claims(user_id, lifetime_s) | {"address": address_hash}, CONFIRM_TYPE)


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
