"""Values that may be a little old: one load at a time for each key, whatever the number of askers.

It shields what lies behind (Redis, the replica) from a crowd. Bounded: the value used least recently goes first.
When what lies behind is busy or slow, the old value is served after a moment; without one every asker waits, and a
failure reaches all of them.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from contract.errors import ContractError

OLD_AFTER_S = 0.1  # so long an asker who could have the old value waits for a new one

Key = TypeVar("Key")
Value = TypeVar("Value")


class _Entry(Generic[Value]):
    __slots__ = ("loading", "tried_at", "value")

    def __init__(self) -> None:
        self.value: list[Value] = []  # empty: none yet
        self.tried_at = 0.0  # when the last load ended, well or not
        self.loading: asyncio.Task[Value] | None = None


class RecentCache(Generic[Key, Value]):
    """Loads by `load`; a value serves for `age_s` seconds, and at most `entries_max` are kept."""

    def __init__(self, load: Callable[[Key], Awaitable[Value]], age_s: float, entries_max: int) -> None:
        self._load = load
        self._age_s = age_s
        self._entries_max = entries_max
        self._entries: OrderedDict[Key, _Entry[Value]] = OrderedDict()

    async def get(self, key: Key, age_s: float | None = None) -> Value:
        """The value, at most `age_s` old (by default the cache's) unless it can't be loaded; raises as `load`."""
        entry = self._entry(key)
        age_s = self._age_s if age_s is None else age_s
        if entry.value and (entry.loading or time.monotonic() - entry.tried_at < age_s):
            return entry.value[0]
        loading = entry.loading = entry.loading or asyncio.create_task(self._renew(key, entry))
        await asyncio.wait([loading], timeout=OLD_AFTER_S if entry.value else None)  # who leaves doesn't cancel it
        return loading.result() if loading.done() else entry.value[0]

    def _entry(self, key: Key) -> _Entry[Value]:
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry()
            if len(self._entries) > self._entries_max:
                self._entries.popitem(last=False)
        self._entries.move_to_end(key)
        return entry

    async def _renew(self, key: Key, entry: _Entry[Value]) -> Value:
        try:
            entry.value = [await self._load(key)]
        except ContractError:  # it is busy; anything else is a fault, to be seen
            if not entry.value:
                raise
        finally:
            entry.loading, entry.tried_at = None, time.monotonic()
        return entry.value[0]
