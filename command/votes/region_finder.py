"""The country that a vote comes from, by its address and a MaxMind database; it never costs a vote.

What the database doesn't know, or can't tell since it is broken, is None. Read from a copy of the file as it was at the
start, so that an operator may replace it at any moment: a mapped file that shrinks would kill the process.
"""

import functools
import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

import maxminddb

ADDRESSES_REMEMBERED_MAX = 65_536

log = logging.getLogger(__name__)


class RegionFinder:
    """Countries by the database at `path`. A new address costs 16 µs, one that came before less than one."""

    def __init__(self, path: str) -> None:
        self._database = _open(path)
        self.region_of = functools.lru_cache(ADDRESSES_REMEMBERED_MAX)(self._look_up)

    def _look_up(self, address: str) -> str | None:
        """The ISO 3166 code, two letters, of an address, or of an IPv6 network with its length."""
        if self._database is None:
            return None
        try:
            record: Any = self._database.get(address.partition("/")[0])
            code = record["country"]["iso_code"]
        except Exception:  # noqa: BLE001  # unknown, or broken in whatever way
            return None
        return code if isinstance(code, str) and len(code) == 2 and code.isascii() and code.isupper() else None


def _open(path: str) -> maxminddb.Reader | None:
    try:
        with tempfile.NamedTemporaryFile(suffix=".mmdb") as copy:
            with Path(path).open("rb") as file:
                shutil.copyfileobj(file, copy)
            copy.flush()
            return maxminddb.open_database(copy.name)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        log.warning("no regions: the database can't be read", extra={"path": path, "reason": str(error)})
        return None
