"""Whose access tokens are dead before they expire: sessions and people by id, for as long as such a token could live.

Pure. `contract/web/revocation_listener.py` keeps the list as identity's database has it.
"""

from collections.abc import Iterable, Mapping
from itertools import islice

from contract.tokens import Caller

REVOKED_MAX = 1_000_000  # some 150 MB; identity takes no logout beyond


class RevocationList:
    """Ids with the Unix second until which they are kept."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def revokes(self, caller: Caller) -> bool:
        """Whether this caller's session has ended, or the person is gone."""
        until = self._until
        return bool(until) and (caller.session_id in until or caller.user_id in until)

    def any_of(self, ids: Iterable[str]) -> bool:
        """The same, by the ids of `ids_of`."""
        return not self._until.keys().isdisjoint(ids)

    def add(self, revoked: Mapping[str, float]) -> set[str]:
        """Take these; gives the ids that are new. Beyond the limit the longest known ones go."""
        new = revoked.keys() - self._until.keys()
        self._until.update(revoked)
        for oldest in list(islice(self._until, max(0, len(self._until) - REVOKED_MAX))):
            del self._until[oldest]
        return new

    def forget_ended(self, now: float) -> None:
        """Let go of those whose last token has expired."""
        self._until = {each: until for each, until in self._until.items() if until > now}


def ids_of(caller: Caller) -> tuple[str, ...]:
    """What a caller's token may be revoked by."""
    return (caller.user_id, caller.session_id) if caller.session_id else (caller.user_id,)
