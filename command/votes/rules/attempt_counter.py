"""Counts who attempts to vote: accounts by network, device, kin and contestant, in windows, in memory.

    count ─► the window's number so far, with what other processes told, and the share of the window before

A window is sliding by the usual approximation: this one, and of the one before the share that the last `window_s`
seconds still cover. Most phones, homes and names are seen once: of those only the moment is kept, and whether the
account is new, in one number. Intervals are of the votes that this process sees. Everything is bounded, and what wasn't
seen for long goes first; so a flood makes counts too low, never too high.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

import msgspec

from command.votes.rules.bounded_memory import BoundedMemory
from command.votes.rules.evidence import Counting, Counts, Evidence
from command.votes.vote_batcher import EventKey

CONTESTANT_BITS = 16
WAITING_MAX = 20_000  # counts to be told; one that finds no room waits when it is counted again
SHARED_FROM = 2  # what every phone does once stays at home: two accounts make a count worth telling


class Count(msgspec.Struct, gc=False, eq=False):
    """Accounts under one key, in one window. `told` is what other processes know of it, `elsewhere` what they say."""

    window: int
    accounts: int = 0
    new: int = 0
    accounts_before: int = 0  # in the window before, by all processes
    new_before: int = 0
    accounts_told: int = 0
    new_told: int = 0
    accounts_elsewhere: int = 0
    new_elsewhere: int = 0
    last_ms: int = 0
    interval_ms: int = 0
    steady: int = 0
    is_waiting: bool = False

    def accounts_of(self, share: float) -> int:
        """By all processes, with this share of the window before."""
        return self.accounts + self.accounts_elsewhere + int(self.accounts_before * share)

    def new_of(self, share: float) -> int:
        """The new ones of them."""
        return self.new + self.new_elsewhere + int(self.new_before * share)

    def ms_until(self, allowed: int, share: float, window_ms: int) -> int:
        """How long it takes until fewer than `allowed` are left, if none is added."""
        present, before = self.accounts + self.accounts_elsewhere, self.accounts_before
        if present < allowed:  # what is left of the window before must go
            return math.ceil(window_ms * (share - (allowed - present) / before)) + 1
        return math.ceil(window_ms * (share + 1 - allowed / present)) + 1

    def enter(self, window: int) -> None:
        """Begin this window, unless it has begun."""
        follows = window == self.window + 1
        self.accounts_before = self.accounts + self.accounts_elsewhere if follows else 0
        self.new_before = self.new + self.new_elsewhere if follows else 0
        self.accounts = self.new = self.accounts_told = self.new_told = 0
        self.accounts_elsewhere = self.new_elsewhere = 0
        self.window = window


class WaitingCount(NamedTuple):
    """A count that other processes should hear of."""

    event_id: UUID
    key: int
    known: Count


class AttemptCounter:
    """Counts of all events of one process, at most `keys_max`; if they are `shared`, some wait to be told."""

    def __init__(self, counting: Counting, keys_max: int, *, shared: bool = False) -> None:
        self._counting = counting
        self._window_ms = counting.window_s * 1000
        self._counts: BoundedMemory[int, int | Count] = BoundedMemory(keys_max)
        self._shared = shared
        self.waiting: list[WaitingCount] = []

    def __len__(self) -> int:
        return len(self._counts)

    def count(self, event: EventKey, evidence: Evidence, *, again: bool = False) -> Counts:
        """Count this attempt, and tell what it is judged by; one that comes `again` adds nothing."""
        at_ms = evidence.at_ms
        window, past_ms = divmod(at_ms, self._window_ms)
        share = 1 - past_ms / self._window_ms
        is_new = self._counting.is_new(evidence)
        add = self._look_up if again else self._add
        network, _ = add(event, evidence.network, window, at_ms, is_new)
        device = kin = contestant = new_accounts = gap_ms = None
        if evidence.device is not None:
            device, gap_ms = add(event, evidence.device, window, at_ms, is_new)
        if evidence.kin is not None:
            kin, _ = add(event, evidence.kin, window, at_ms, is_new)
        if is_new:
            event_key = event.event_no << CONTESTANT_BITS
            contestant, _ = add(event, event_key | evidence.contestant_no, window, at_ms, is_new)
            new_accounts, _ = add(event, event_key, window, at_ms, is_new)
        return Counts(
            is_new,
            network.accounts_of(share) if network else 1,
            network.new_of(share) if network else int(is_new),
            network.steady if network else 0,
            device.accounts_of(share) if device else int(evidence.device is not None),
            gap_ms,
            device.steady if device else 0,
            kin.accounts_of(share) if kin else int(evidence.kin is not None),
            contestant.new_of(share) if contestant else int(is_new),
            new_accounts.new_of(share) if new_accounts else int(is_new),
        )

    def add(self, event: EventKey, key: int, at_ms: int) -> None:
        """Count one more under this key alone."""
        self._add(event, key, at_ms // self._window_ms, at_ms, is_new=False)

    def room(self, key: int, at_ms: int, allowed: int) -> tuple[int, int]:
        """What `add` has counted in the window that ends now, and for how many ms no more is allowed."""
        window, past_ms = divmod(at_ms, self._window_ms)
        share = 1 - past_ms / self._window_ms
        known = self._counts.get(key)
        if known is None:
            return 0, 0
        if isinstance(known, int):
            known = Count((known >> 1) // self._window_ms, 1)
        if known.window != window:
            known.enter(window)
        count = known.accounts_of(share)
        return count, 0 if count < allowed else known.ms_until(allowed, share, self._window_ms)

    def _add(
        self,
        event: EventKey,
        key: int,
        window: int,
        at_ms: int,
        is_new: bool,  # noqa: FBT001  # inner
    ) -> tuple[Count | None, int | None]:
        """The key's count with this account, and how long ago its last one was; None: it is the first."""
        known = self._counts.get(key)
        if known is None:
            self._counts.put(key, at_ms << 1 | is_new)
            return None, None
        if isinstance(known, int):
            first_ms, first_is_new = known >> 1, known & 1
            known = Count(first_ms // self._window_ms, 1, first_is_new, last_ms=first_ms)
            self._counts.put(key, known)
        if known.window != window:
            known.enter(window)
        known.accounts += 1
        known.new += is_new
        if self._shared and not known.is_waiting and known.accounts >= SHARED_FROM:
            self._let_wait(WaitingCount(event.event_id, key, known))
        return known, self._pace(known, at_ms)

    def _look_up(
        self,
        _event: EventKey,
        key: int,
        window: int,
        _at_ms: int,
        _is_new: bool,  # noqa: FBT001  # inner
    ) -> tuple[Count | None, int | None]:
        """As `_add`, for an account that is counted already."""
        known = self._counts.get(key)
        if not isinstance(known, Count):
            return None, None
        if known.window != window:
            known.enter(window)
        return known, None

    def _pace(self, count: Count, at_ms: int) -> int:
        """Note when it was; the time since the last one."""
        gap_ms = at_ms - count.last_ms
        differs = abs(gap_ms - count.interval_ms) * 100
        alike = gap_ms >= self._counting.steady_from_ms and differs <= self._counting.steady_within_percent * gap_ms
        count.steady = count.steady + 1 if alike else 0
        count.last_ms, count.interval_ms = at_ms, gap_ms
        return gap_ms

    def _let_wait(self, waiting: WaitingCount) -> None:
        if len(self.waiting) < WAITING_MAX:
            waiting.known.is_waiting = True
            self.waiting.append(waiting)

    def take_waiting(self, counts_max: int) -> list[WaitingCount]:
        """Up to so many counts to be told; those that can't be go back by `wait_again`."""
        taken, self.waiting = self.waiting[:counts_max], self.waiting[counts_max:]
        for each in taken:
            each.known.is_waiting = False
        return taken

    def wait_again(self, untold: Iterable[WaitingCount]) -> None:
        """These couldn't be told."""
        for each in untold:
            if not each.known.is_waiting:
                self._let_wait(each)
