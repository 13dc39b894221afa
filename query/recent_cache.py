"""Values that may be a little old: one load at a time for each key, whatever the number of askers.

It shields what lies behind (Redis, the replica) from a crowd. Bounded: the value used least recently goes first.
When a load fails, the old value is served rather than an error; without one the failure reaches every asker.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class _Entry(Generic[Value]):
    __slots__ = ("loaded_at", "loading", "value")

    def __init__(self) -> None:
        self.value: list[Value] = []  # empty: none yet
        self.loaded_at = 0.0
        self.loading: asyncio.Task[Value] | None = None


class RecentCache(Generic[Key, Value]):
    """Loads by `load`; a value serves for `age_s` seconds, and at most `entries_max` are kept."""

    def __init__(self, load: Callable[[Key], Awaitable[Value]], age_s: float, entries_max: int) -> None:
        self._load = load
        self._age_s = age_s
        self._entries_max = entries_max
        self._entries: OrderedDict[Key, _Entry[Value]] = OrderedDict()

    async def get(self, key: Key) -> Value:
        """The value, at most `age_s` old unless it can't be loaded; raises what `load` raises."""
        entry = self._entry(key)
        if entry.value and time.monotonic() - entry.loaded_at < self._age_s:
            return entry.value[0]
        if entry.loading is None:
            entry.loading = asyncio.create_task(self._renew(key, entry))
        return await asyncio.shield(entry.loading)  # an asker who leaves must not take the others' answer along

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
            entry.loaded_at = time.monotonic()
        except Exception:
            if not entry.value:
                raise
        finally:
            entry.loading = None
        return entry.value[0]
