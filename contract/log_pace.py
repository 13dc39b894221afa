"""How many log lines of one kind are written in a second, and how many were left out: pure.

A storm says the same thing again and again; what it says stays readable, and its size is counted. A kind is a message
of one logger at one level: messages are constants, what differs stands in the fields.
"""

from typing import NamedTuple

KINDS_MAX = 500  # in one second; beyond it all others are one


class Kind(NamedTuple):
    """What lines have in common."""

    logger: str
    level: str
    message: str


_OTHERS = Kind("", "info", "")


class LogPace:
    """Lets `lines_max` lines of each kind pass in each second of the clock that the caller tells."""

    def __init__(self, lines_max: int) -> None:
        self._lines_max = lines_max
        self._second = 0
        self._lines: dict[Kind, int] = {}
        self._left_out: dict[Kind, int] = {}

    def lets_pass(self, kind: Kind, now: float) -> bool:
        """Whether one more line of this kind is written at `now`; else it is counted."""
        if int(now) != self._second:
            self._second = int(now)
            self._lines.clear()
        if kind not in self._lines and len(self._lines) >= KINDS_MAX:
            kind = _OTHERS
        lines = self._lines[kind] = self._lines.get(kind, 0) + 1
        if lines <= self._lines_max:
            return True
        self._left_out[kind] = self._left_out.get(kind, 0) + 1
        return False

    def take_left_out(self) -> dict[Kind, int]:
        """How many lines of each kind were left out since the last call."""
        taken, self._left_out = self._left_out, {}
        return taken
