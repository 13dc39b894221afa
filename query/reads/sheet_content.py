"""What stands on an event's result sheet, and the digest of its result: pure."""

import hashlib
from collections.abc import Iterable

import msgspec

from query.reads.feed_views import FeedRow


class SheetAct(msgspec.Struct):
    """Something that somebody did with the event."""

    at: str
    action: str
    actor: str
    role: str
    trace_id: str


class SheetContent(msgspec.Struct):
    """All that a sheet says; `facts` and `positions` are pairs of what and how much, moments RFC 3339 in UTC."""

    title: str
    state: str
    facts: list[tuple[str, str]]
    event_id: str
    rows: list[FeedRow]
    positions: list[tuple[str, str]]
    ballot_seal: str
    acts: list[SheetAct]
    made_at: str

    @property
    def total_votes(self) -> int:
        """All votes of the sheet."""
        return sum(row.votes for row in self.rows)


def digest_of(event_id: str, votes: Iterable[tuple[str, int]]) -> str:
    """SHA-256 of the result in hexadecimal: the event's id on a line, then each contestant's id and votes, by id."""
    lines = [event_id, *(f"{contestant_id} {count}" for contestant_id, count in sorted(votes))]
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
