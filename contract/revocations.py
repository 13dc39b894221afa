"""Whose access tokens are dead before they expire: sessions and people by id, for as long as such a token could live.

Pure. `contract/web/revocation_listener.py` keeps the list as identity's database has it.
"""

import heapq
from collections.abc import Iterable, Mapping

from contract.tokens import Caller

REVOKED_MAX = 1_000_000  # some 250 MB; beyond it those go whose tokens end first
ENDED_PER_CALL = 10_000  # some 10 ms


class RevocationList:
    """Ids with the Unix second until which they are kept, which never changes."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._by_end: list[tuple[float, str]] = []  # a heap

    def __len__(self) -> int:
        return len(self._ids)

    def revokes(self, caller: Caller) -> bool:
        """Whether this caller's session has ended, or the person is gone."""
        ids = self._ids
        return bool(ids) and (caller.session_id in ids or caller.user_id in ids)

    def any_of(self, ids: Iterable[str]) -> bool:
        """The same, by the ids of `ids_of`."""
        return not self._ids.isdisjoint(ids)

    def add(self, revoked: Mapping[str, float]) -> set[str]:
        """Take these; gives the ids that are new. Beyond the limit those go whose tokens have the least time left.

        So what costs a million logouts is minutes of tokens that would have ended by themselves, never an operator's
        of a week.
        """
        new = {each for each in revoked if each not in self._ids}
        self._ids |= new
        for each in new:
            heapq.heappush(self._by_end, (revoked[each], each))
        while len(self._ids) > REVOKED_MAX:
            self._forget_first()
        return new

    def forget_ended(self, now: float) -> None:
        """Let go of those whose last token has expired, so many at a time that nobody waits for it."""
        for _ in range(ENDED_PER_CALL):
            if not self._by_end or self._by_end[0][0] > now:
                return
            self._forget_first()

    def _forget_first(self) -> None:
        _, ended = heapq.heappop(self._by_end)
        self._ids.remove(ended)


def ids_of(caller: Caller) -> tuple[str, ...]:
    """What a caller's token may be revoked by."""
    return (caller.user_id, caller.session_id) if caller.session_id else (caller.user_id,)
