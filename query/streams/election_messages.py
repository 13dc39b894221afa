"""What a stream of an election says: pure, from what an audience is shown and what this client was told last.

VOTE_UPDATE      candidates with votes, and how many since this client's last message; totalVotes
STATUS_CHANGE    newStatus; the last message of a stream, if the election is over
HEARTBEAT        nothing is new
ERROR            why the stream ends
"""

import time
from datetime import UTC, datetime

import msgspec

from contract.answer_text import Id, Time
from contract.elections import election_error, status_word
from contract.errors import ContractError
from contract.moment import rfc3339
from query.on_air import Shown
from query.streams.stream_frames import text_frame

HEARTBEAT_FOR_S = 1.0

_SENTENCES = {
    "draft": "The election is being prepared.",
    "scheduled": "The election has not opened yet.",
    "open": "Voting is open.",
    "paused": "Voting is paused.",
    "closed": "Voting has ended.",
    "cancelled": "The election is cancelled.",
}


class CandidateVotes(msgspec.Struct, rename="camel"):
    """A candidate's votes counted so far; `delta` is less than 0 where the public is shown an earlier moment again."""

    candidate_id: Id
    votes: int
    delta: int


class ElectionMessage(msgspec.Struct, rename="camel", omit_defaults=True):
    """One message; what doesn't belong to its type isn't there."""

    type: str
    election_id: Id
    timestamp: Time
    candidates: list[CandidateVotes] | msgspec.UnsetType = msgspec.UNSET
    total_votes: int | msgspec.UnsetType = msgspec.UNSET
    new_status: str | msgspec.UnsetType = msgspec.UNSET
    message: str | msgspec.UnsetType = msgspec.UNSET


class ElectionTeller:
    """Says what is new, as WebSocket frames; once for all clients that have last seen the same.

    Heartbeats are made once for all clients of an election who get theirs in the same turn.
    """

    def __init__(self) -> None:
        self._last: tuple[Shown | None, Shown] | None = None
        self._frames = b""
        self._beat_of = ""
        self._beat_until = 0.0  # monotonic s
        self._beat = b""

    def news(self, before: Shown | None, now: Shown) -> bytes:
        """What to tell a client that has last seen `before` (None: nothing yet); at least a heartbeat."""
        if self._last is None or self._last[0] is not before or self._last[1] is not now:
            self._last, self._frames = (before, now), _news(before, now)
        return self._frames

    def heartbeat(self, election_id: str) -> bytes:
        """That nothing is new, with a time that is a second old at most."""
        if election_id != self._beat_of or time.monotonic() > self._beat_until:
            self._beat_of, self._beat_until = election_id, time.monotonic() + HEARTBEAT_FOR_S
            self._beat = _heartbeat(election_id)
        return self._beat


def error_text(error: ContractError, election_id: str, trace_id: str) -> str:
    """Why a stream ends, as text."""
    said = election_error(error, trace_id).message
    return msgspec.json.encode(ElectionMessage("ERROR", election_id, _now(), message=said)).decode()


def _news(before: Shown | None, now: Shown) -> bytes:
    election_id, messages = now.event.event_id, []
    if before is None or before.rows != now.rows:
        earlier = {each.contestant_id: votes for each, votes in (before or now).rows}
        rows = [
            CandidateVotes(each.contestant_id, votes, votes - earlier.get(each.contestant_id, 0))
            for each, votes in now.rows
        ]
        messages.append(
            ElectionMessage("VOTE_UPDATE", election_id, _now(), candidates=rows, total_votes=now.total_votes)
        )
    if now.final or (before is not None and before.status != now.status):
        change = ElectionMessage("STATUS_CHANGE", election_id, _now(), new_status=status_word(now.status))
        change.message = _SENTENCES[now.status]
        messages.append(change)
    return b"".join(text_frame(msgspec.json.encode(each)) for each in messages) or _heartbeat(election_id)


def _heartbeat(election_id: str) -> bytes:
    return text_frame(msgspec.json.encode(ElectionMessage("HEARTBEAT", election_id, _now())))


def _now() -> str:
    return rfc3339(datetime.now(UTC))
