"""A position in the history of one source: (system identifier, timeline, LSN).

The LSN is the end of the last applied commit. Positions of one system compare by timeline first, since
LSNs are used again on a new timeline; positions of two systems don't compare, the new one replaces.
"""

from typing import NamedTuple


class Position(NamedTuple):
    """Where a source's WAL was read up to."""

    system_id: int
    timeline: int
    lsn: int

    def order_key(self, epoch: int) -> str:
        """Epoch, timeline and LSN as fixed-width text that sorts like them, for Lua, which has only doubles."""
        return f"{epoch:08X}-{self.timeline:08X}-{self.lsn:016X}"


def parse_lsn(text: str) -> int:
    """The number behind Postgres' text form `16/B374D848`."""
    high, low = text.split("/")
    return (int(high, 16) << 32) | int(low, 16)


def lsn_text(lsn: int) -> str:
    """Postgres' text form of it."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"
