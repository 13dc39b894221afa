"""Names of WAL files, and what follows from them: which are missing, which nothing needs any more. Pure.

A segment's name is its timeline, and its number in the one space of positions that all timelines of a system share.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from contract.position import parse_lsn

_NAME = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(?:\.partial)?")


class Segment(NamedTuple):
    """One segment; its number counts segments from the position 0/0."""

    timeline: int
    number: int


class Branch(NamedTuple):
    """A timeline that is continued by the next one from this LSN on."""

    timeline: int
    until_lsn: int


def segment_of(name: str, segment_bytes: int) -> Segment | None:
    """What a file of this name holds, also of one that is still written; None: no segment."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    timeline, high, low = (int(part, 16) for part in found.groups())
    return Segment(timeline, high * _per_high(segment_bytes) + low)


def name_of(segment: Segment, segment_bytes: int) -> str:
    """The name of its file."""
    high, low = divmod(segment.number, _per_high(segment_bytes))
    return f"{segment.timeline:08X}{high:08X}{low:08X}"


def read_history(text: str) -> list[Branch]:
    """The timelines before one, oldest first, from its history file."""
    rows = (line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return [Branch(int(row[0]), parse_lsn(row[1])) for row in rows]


def missing(
    first: Segment, timeline: int, history: Sequence[Branch], there: Iterable[Segment], segment_bytes: int
) -> list[Segment]:
    """Of the segments from `first` to the newest of `timeline`, those that aren't there."""
    known = set(there)
    last = max([first.number, *(segment.number for segment in known if segment.timeline == timeline)])
    timelines = [*(branch.timeline for branch in history), timeline]
    begins = [(first.timeline, 0)]
    begins += [(after, was.until_lsn // segment_bytes) for was, after in zip(history, timelines[1:], strict=True)]
    needed = (
        Segment([of for of, begin in begins if begin <= number][-1], number) for number in range(first.number, last + 1)
    )
    return [segment for segment in needed if segment not in known]


def _per_high(segment_bytes: int) -> int:
    return (1 << 32) // segment_bytes
