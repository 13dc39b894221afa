"""A memory of so many entries and no more: who isn't asked for is forgotten first."""

from typing import Generic, TypeVar

Key = TypeVar("Key")
Kept = TypeVar("Kept")


class BoundedMemory(Generic[Key, Kept]):
    """Two halves: when the younger one is full, the older one is dropped, but for what was asked for meanwhile.

    Cheaper than an order by use, and a dict of its own for each half gives its memory back at once.
    """

    def __init__(self, entries_max: int) -> None:
        self._half_max = max(1, entries_max // 2)
        self._young: dict[Key, Kept] = {}
        self._old: dict[Key, Kept] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: Key) -> Kept | None:
        """What is kept under this key; it is young again."""
        kept = self._young.get(key)
        if kept is None and self._old:
            kept = self._old.pop(key, None)
            if kept is not None:
                self.put(key, kept)
        return kept

    def put(self, key: Key, kept: Kept) -> None:
        """Keep it for a while."""
        if len(self._young) >= self._half_max and key not in self._young:
            self._young, self._old = {}, self._young
        self._young[key] = kept
