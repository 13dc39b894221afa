"""The bodies of the results calls, as the contract writes them: pure, from what an audience is shown.

A rendered answer's ETag is of what it says, not of when it was said: so `generated_at` may differ under one ETag
(hence weak), and a crowd that asks again is told 304 until a number, a name or the freshness changes.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from contract.answer_text import Id, Time
from contract.moment import rfc3339
from query.event import Event
from query.on_air import Shown
from query.reading import UNKNOWN_TIME
from query.reads.percentages import percentages

Revealed = int | msgspec.UnsetType  # so many places, from the last up, while a reveal is under way


class LeaderboardRow(msgspec.Struct):
    """A contestant and the votes counted so far."""

    contestant_id: Id
    contestant_name: str
    total_votes: int


class Leaderboard(msgspec.Struct):
    """Contestants, most votes first; `stale`: the numbers may lag, `frozen`: they are those of an earlier moment."""

    event_id: Id
    event_name: str
    contestants: list[LeaderboardRow]
    stale: bool
    frozen: bool
    revealed: Revealed = msgspec.UNSET


class ResultRow(msgspec.Struct, omit_defaults=True):
    """A contestant's result; `percentage` has two decimals, all of them add up to 100.00."""

    contestant_id: Id
    name: str
    party: str | None
    votes: int
    percentage: float | msgspec.UnsetType = msgspec.UNSET


class Results(msgspec.Struct):
    """The results of an event, most votes first; `stale`: the numbers may lag.

    `frozen`: they are those of an earlier moment; `revealed`: only so many places are shown, from the last up, and no
    percentages.
    """

    event_id: Id
    event_title: str
    status: str
    totals: list[ResultRow]
    total_votes: int
    stale: bool
    frozen: bool
    generated_at: Time
    revealed: Revealed = msgspec.UNSET


class LiveCount(msgspec.Struct):
    """All votes counted so far; `last_updated` is null before the first, `stale`: the number may lag.

    `frozen`: it is that of an earlier moment; `revealed`: it is that of so many places.
    """

    event_id: Id
    current_votes: int
    last_updated: Time | None
    stale: bool
    frozen: bool
    revealed: Revealed = msgspec.UNSET


class ContestantRow(msgspec.Struct):
    """A contestant of an event."""

    contestant_id: Id
    contestant_name: str
    contestant_image_url: str


class Contestants(msgspec.Struct):
    """All contestants of an event, in the order given by the host."""

    event_id: Id
    contestants: list[ContestantRow]


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer's bytes, its ETag and what they are; `held_back`: the public doesn't see all."""

    body: bytes
    etag: str
    held_back: bool
    content_type: str = "application/json"


View = Callable[[Shown], Rendered]


def leaderboard(shown: Shown) -> Rendered:
    """GET /v1/event/{event_id}/leaderboard"""
    rows = [LeaderboardRow(each.contestant_id, each.contestant_name, votes) for each, votes in shown.by_votes]
    event = shown.event
    content = Leaderboard(event.event_id, event.event_name, rows, shown.stale, shown.frozen, revealed_of(shown))
    body = msgspec.json.encode(content)
    return Rendered(body, etag_of(body), shown.held_back)


def results(shown: Shown) -> Rendered:
    """GET /v1/event/{event_id}/results"""
    return _results(shown, with_percentages=False)


def results_with_percentages(shown: Shown) -> Rendered:
    """GET /v1/event/{event_id}/results?include_percentages=true"""
    return _results(shown, with_percentages=True)


def live_count(shown: Shown) -> Rendered:
    """GET /v1/event/{event_id}/live"""
    last_updated = None if shown.as_of == UNKNOWN_TIME else shown.as_of
    event_id, total = shown.event.event_id, shown.total_votes
    body = msgspec.json.encode(LiveCount(event_id, total, last_updated, shown.stale, shown.frozen, revealed_of(shown)))
    return Rendered(body, etag_of(body), shown.held_back)


def contestants(event: Event) -> Contestants:
    """GET /v1/contestants/{event_id}"""
    rows = [
        ContestantRow(each.contestant_id, each.contestant_name, each.contestant_image_url) for each in event.contestants
    ]
    return Contestants(event.event_id, rows)


def result_rows(shown: Shown, *, with_percentages: bool) -> list[ResultRow]:
    """The result of each contestant that is shown, most votes first."""
    rows = [ResultRow(each.contestant_id, each.contestant_name, each.party, votes) for each, votes in shown.by_votes]
    if with_percentages and len(rows) == len(shown.event.contestants):  # a share and its votes tell the whole
        for row, share in zip(rows, percentages([row.votes for row in rows]), strict=True):
            row.percentage = share
    return rows


def _results(shown: Shown, *, with_percentages: bool) -> Rendered:
    content = Results(
        event_id=shown.event.event_id,
        event_title=shown.event.event_name,
        status=shown.status,
        totals=result_rows(shown, with_percentages=with_percentages),
        total_votes=shown.total_votes,
        stale=shown.stale,
        frozen=shown.frozen,
        generated_at="",
        revealed=revealed_of(shown),
    )
    etag = etag_of(msgspec.json.encode(content))
    content.generated_at = rfc3339(datetime.now(UTC))
    return Rendered(msgspec.json.encode(content), etag, shown.held_back)


def revealed_of(shown: Shown) -> Revealed:
    """How many places are revealed, for an answer."""
    return msgspec.UNSET if shown.revealed is None else shown.revealed


def etag_of(content: bytes) -> str:
    """The weak ETag of what an answer says."""
    return f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
