"""A queue in which addresses take turns, so that one that sends a flood waits for itself and not before everybody else.

    ada: a1 a2 a3        taken: a1 b1 c1 a2 c2 a3
    bob: b1              full, and one more comes: the last one of the longest queue has to go
    cyd: c1 c2

Pure: it keeps things in order and knows neither what they are nor when they are taken.
"""

from collections import OrderedDict, deque
from typing import Generic, TypeVar

from contract.errors import Busy, TooMany

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """At most `items_max` wait, of one address at most `items_per_address_max`."""

    def __init__(self, items_max: int, items_per_address_max: int) -> None:
        self._items_max = items_max
        self._items_per_address_max = items_per_address_max
        self._by_address: OrderedDict[str, deque[Item]] = OrderedDict()  # the first one's turn is next; none is empty
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, address: str, item: Item) -> Item | None:
        """Let an item wait; gives the one that had to go for it, if any.

        Raises `TooMany` when this address has its share, `Busy` when all is full and no other has a longer queue.
        """
        waiting = len(self._by_address.get(address, ()))
        if waiting >= self._items_per_address_max:
            raise TooMany
        gone = self._make_room(waiting) if self._size >= self._items_max else None
        self._by_address.setdefault(address, deque()).append(item)
        self._size += 1
        return gone

    def take(self) -> Item:
        """The next one; raises KeyError when nothing waits."""
        address, items = self._by_address.popitem(last=False)
        item = items.popleft()
        self._size -= 1
        if items:
            self._by_address[address] = items  # behind all others
        return item

    def remove(self, address: str, item: Item) -> None:
        """Forget an item, if it still waits."""
        items = self._by_address.get(address, deque())
        if item in items:
            items.remove(item)
            self._size -= 1
            if not items:
                del self._by_address[address]

    def _make_room(self, waiting: int) -> Item:
        longest: deque[Item] = max(self._by_address.values(), key=len, default=deque())
        if len(longest) <= waiting + 1:
            raise Busy
        self._size -= 1
        return longest.pop()
