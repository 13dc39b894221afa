"""How hard the next challenge should be: the more were handed out, to this network and in all, the harder. Pure.

Counted in sliding windows by the usual approximation: the present window, and of the one before the share that the last
`window_s` seconds still cover. Each identity process counts its own; networks are bounded, the one that asked longest
ago goes first.
"""

from collections import OrderedDict

import msgspec

from command.identity.settings import ChallengeEffort
from contract.errors import TooMany


class _Window(msgspec.Struct):
    number: int
    count: int = 0
    count_before: int = 0

    def add(self, now: float) -> float:
        """Count one more; how many the last window's length has seen, `now` in windows."""
        number = int(now)
        if number != self.number:
            self.count_before = self.count if number == self.number + 1 else 0
            self.number, self.count = number, 0
        self.count += 1
        return self.count + self.count_before * (number + 1 - now)


class ChallengeLoad:
    """Counts the challenges of one process."""

    def __init__(self, effort: ChallengeEffort) -> None:
        self._effort = effort
        self._in_all = _Window(0)
        self._networks: OrderedDict[str, _Window] = OrderedDict()

    def add(self, network: str, now_s: float) -> float:
        """Count one for this network; how many times as hard as usual it should be.

        `TooMany`: the network has had as many as it may; the refusals count, too.
        """
        effort, now = self._effort, now_s / self._effort.window_s
        window = self._networks.setdefault(network, _Window(0))
        self._networks.move_to_end(network)
        if len(self._networks) > effort.networks_max:
            self._networks.popitem(last=False)
        here = window.add(now)
        if here > effort.network_max:
            raise TooMany("too many challenges", retry_after_s=effort.window_s)
        in_all = min(effort.harder_in_all_max, self._in_all.add(now) / effort.easy_in_all)
        return max(1.0, in_all, min(effort.harder_max, here / effort.network_easy))
