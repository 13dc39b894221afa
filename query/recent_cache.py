"""Values that may be a little old: one load at a time for each key, whatever the number of askers.

It shields what lies behind (Redis, the replica) from a crowd. Bounded: the value used least recently goes first.
When what lies behind is busy or slow, the old value is served after a moment, unless it is too old; without one every
asker waits, and a failure reaches all of them.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from contract.errors import Busy, ContractError

OLD_AFTER_S = 0.1  # so long an asker who could have the old value waits for a new one

Key = TypeVar("Key")
Value = TypeVar("Value")


class _Entry(Generic[Value]):
    __slots__ = ("asked_at", "loading", "tried_at", "value")

    def __init__(self) -> None:
        self.value: list[Value] = []  # empty: none yet
        self.asked_at = 0.0  # when the load of the value began
        self.tried_at = 0.0  # when the last load ended, well or not
        self.loading: asyncio.Task[None] | None = None


class RecentCache(Generic[Key, Value]):
    """Loads by `load`; a value serves for `age_s` seconds, and at most `entries_max` are kept.

    A value that was asked for longer than `age_max_s` ago is never served: `Busy`.
    """

    def __init__(
        self, load: Callable[[Key], Awaitable[Value]], age_s: float, entries_max: int, age_max_s: float = math.inf
    ) -> None:
        self._load = load
        self._age_s = age_s
        self._age_max_s = age_max_s
        self._entries_max = entries_max
        self._entries: OrderedDict[Key, _Entry[Value]] = OrderedDict()

    async def get(self, key: Key, age_s: float | None = None) -> Value:
        """The value, at most `age_s` old (by default the cache's) unless it can't be loaded; raises as `load`."""
        entry = self._entry(key)
        age_s = self._age_s if age_s is None else age_s
        usable = self._is_usable(entry)
        if usable and (entry.loading or time.monotonic() - entry.tried_at < age_s):
            return entry.value[0]
        loading = entry.loading = entry.loading or asyncio.create_task(self._renew(key, entry))
        await asyncio.wait([loading], timeout=OLD_AFTER_S if usable else None)  # who leaves doesn't cancel it
        if loading.done():
            loading.result()
        if not self._is_usable(entry):
            raise Busy
        return entry.value[0]

    def _is_usable(self, entry: _Entry[Value]) -> bool:
        return bool(entry.value) and time.monotonic() - entry.asked_at < self._age_max_s

    def _entry(self, key: Key) -> _Entry[Value]:
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry()
            if len(self._entries) > self._entries_max:
                self._entries.popitem(last=False)
        self._entries.move_to_end(key)
        return entry

    async def _renew(self, key: Key, entry: _Entry[Value]) -> None:
        asked_at = time.monotonic()
        try:
            entry.value, entry.asked_at = [await self._load(key)], asked_at
        except ContractError:  # it is busy; anything else is a fault, to be seen
            if not self._is_usable(entry):
                raise
        finally:
            entry.loading, entry.tried_at = None, time.monotonic()
