"""Hashes under an event's own key: they compare within the event, and tell nothing outside it or without the key."""

import hashlib


def keyed_hash(key: bytes, event_no: int, what: str, kind: bytes) -> int:
    """64 signed bits of a text of one `kind` (16 bytes at most); another kind or event makes another number of it."""
    message = event_no.to_bytes(4, "big") + what.encode()
    return int.from_bytes(hashlib.blake2b(message, digest_size=8, key=key, person=kind).digest(), "big", signed=True)
