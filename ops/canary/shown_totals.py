"""What one road shows of the canaries' event, and who waits to see a vote on it. Pure but for the loop's futures.

Each contestant has one vote under way at most, so the total that a vote makes is known before it is sent, and the first
time at which the road shows that total, or more, is when the vote was seen.
"""

import asyncio
from collections.abc import Mapping


class ShownTotals:
    """Totals by contestant_id; they never fall, whatever an old server says."""

    def __init__(self) -> None:
        self._totals: dict[str, int] = {}
        self._waiting: dict[str, tuple[int, asyncio.Future[float]]] = {}
        self.wanted = asyncio.Event()  # somebody waits
        self.known = asyncio.Event()  # something was shown

    def total(self, contestant_id: str) -> int:
        """The most that was shown for this contestant."""
        return self._totals.get(contestant_id, 0)

    def when(self, contestant_id: str, total: int) -> asyncio.Future[float]:
        """Has the time (of the clock that `show` is told) at which so many are shown; cancel it to wait no longer."""
        shown = asyncio.get_running_loop().create_future()
        self._waiting[contestant_id] = total, shown
        shown.add_done_callback(lambda _: self._leave(contestant_id, shown))
        self.wanted.set()
        return shown

    def show(self, totals: Mapping[str, int], at: float) -> None:
        """These totals were seen at this time."""
        self.known.set()
        for contestant_id, total in totals.items():
            self._totals[contestant_id] = max(total, self.total(contestant_id))
            wanted, shown = self._waiting.get(contestant_id, (0, None))
            if shown and not shown.done() and total >= wanted:
                shown.set_result(at)

    def _leave(self, contestant_id: str, shown: "asyncio.Future[float]") -> None:
        if self._waiting.get(contestant_id, (0, None))[1] is shown:
            del self._waiting[contestant_id]
        if not self._waiting:
            self.wanted.clear()
