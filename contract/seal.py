"""The seal of a ledger row: keyed BLAKE2b-128 over the row's canonical bytes.

The key lives with the command processes and not in the database, so a row that was added or altered
by SQL shows up in an audit. Canonical bytes, big endian:

    voted_at   int64   microseconds since the Unix epoch
    device     int64   0 when null (with the flag below)
    event_no   int32
    contestant int16
    flags      uint8   1: has device, 2: has region
    region     2 bytes, zero when null
    voter      12 bytes
"""

import hashlib
import struct

SEAL_BYTES = 16
_ROW = struct.Struct(">qqihB2s12s")


def ballot_seal_of(key: bytes, ballot: str) -> bytes:
    """The 16 bytes that only a holder of `key` can compute for a ballot, as ballot_of() in SQL spells it."""
    return hashlib.blake2b(ballot.encode(), digest_size=SEAL_BYTES, key=key, person=b"ballot").digest()


def manifest_seal_of(key: bytes, manifest: bytes) -> bytes:
    """The 16 bytes that only a holder of `key` can compute for the manifest of an archived event."""
    return hashlib.blake2b(manifest, digest_size=SEAL_BYTES, key=key, person=b"manifest").digest()


def seal_of(
    key: bytes,
    *,
    voted_at_us: int,
    device: int | None,
    event_no: int,
    contestant_no: int,
    region: str | None,
    voter: bytes,
) -> bytes:
    """The 16 bytes that only a holder of `key` (32 bytes) can compute for this row."""
    flags = (device is not None) | (region is not None) << 1
    row = _ROW.pack(voted_at_us, device or 0, event_no, contestant_no, flags, (region or "").encode("ascii"), voter)
    return hashlib.blake2b(row, digest_size=SEAL_BYTES, key=key).digest()
