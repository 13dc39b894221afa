"""The voter's pseudonym in one event's ledger.

Derived from a seed that never leaves the user's row and the user's own token, so that votes of one
person in two events can't be linked from the ledger, and erasing the user makes them anonymous.
SQL recomputes it: substr(sha256(voter_seed || int4send(event_no)), 1, 12).
"""

import hashlib

SEED_BYTES = 32
VOTER_BYTES = 12


def voter_of(voter_seed: bytes, event_no: int) -> bytes:
    """The 12 bytes that stand for this person in this event; `voter_seed` is 32 bytes, event_no an int4."""
    return hashlib.sha256(voter_seed + event_no.to_bytes(4, "big", signed=True)).digest()[:VOTER_BYTES]
