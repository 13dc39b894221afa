"""Moments: RFC 3339 in UTC as the contract writes them, and microseconds since the Unix epoch as the ledger seals them.

SQL writes the same text by rfc3339().
"""

import functools
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@functools.lru_cache(1024)  # all votes of a batch have the same
def rfc3339(moment: datetime) -> str:
    """A time in UTC as the contract writes it, microseconds kept."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_unix_us(unix_us: int) -> datetime:
    """The moment so many microseconds after the Unix epoch, exactly."""
    return EPOCH + unix_us * _MICROSECOND


def to_unix_us(moment: datetime) -> int:
    """Microseconds since the Unix epoch, exactly."""
    return (moment - EPOCH) // _MICROSECOND
