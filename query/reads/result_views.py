"""The bodies of the results calls, as the contract writes them: pure, from an event and a reading.

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
from query.reading import UNKNOWN_TIME, Reading
from query.reads.percentages import percentages


class LeaderboardRow(msgspec.Struct):
    """A contestant and the votes counted so far."""

    contestant_id: Id
    contestant_name: str
    total_votes: int


class Leaderboard(msgspec.Struct):
    """Contestants, most votes first; `stale`: the numbers may lag."""

    event_id: Id
    event_name: str
    contestants: list[LeaderboardRow]
    stale: bool


class ResultRow(msgspec.Struct, omit_defaults=True):
    """A contestant's result; `percentage` has two decimals, all of them add up to 100.00."""

    contestant_id: Id
    name: str
    party: str | None
    votes: int
    percentage: float | msgspec.UnsetType = msgspec.UNSET


class Results(msgspec.Struct):
    """The results of an event, most votes first; `stale`: the numbers may lag."""

    event_id: Id
    event_title: str
    status: str
    totals: list[ResultRow]
    total_votes: int
    stale: bool
    generated_at: Time = ""


class LiveCount(msgspec.Struct):
    """All votes counted so far; `last_updated` is null before the first, `stale`: the number may lag."""

    event_id: Id
    current_votes: int
    last_updated: Time | None
    stale: bool


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
    """An answer's bytes and its ETag."""

    body: bytes
    etag: str


View = Callable[[Event, Reading], Rendered]


def leaderboard(event: Event, reading: Reading) -> Rendered:
    """GET /v1/event/{event_id}/leaderboard"""
    counts = reading.standings.counts
    rows = [
        LeaderboardRow(each.contestant_id, each.contestant_name, counts.get(each.contestant_no, 0))
        for each in event.contestants
    ]
    rows.sort(key=lambda row: -row.total_votes)
    body = msgspec.json.encode(Leaderboard(event.event_id, event.event_name, rows, reading.stale))
    return Rendered(body, _etag(body))


def results(event: Event, reading: Reading) -> Rendered:
    """GET /v1/event/{event_id}/results"""
    return _results(event, reading, with_percentages=False)


def results_with_percentages(event: Event, reading: Reading) -> Rendered:
    """GET /v1/event/{event_id}/results?include_percentages=true"""
    return _results(event, reading, with_percentages=True)


def live_count(event: Event, reading: Reading) -> Rendered:
    """GET /v1/event/{event_id}/live"""
    standings = reading.standings
    last_updated = None if standings.as_of == UNKNOWN_TIME else standings.as_of
    body = msgspec.json.encode(LiveCount(event.event_id, standings.total_votes, last_updated, reading.stale))
    return Rendered(body, _etag(body))


def contestants(event: Event) -> Contestants:
    """GET /v1/contestants/{event_id}"""
    rows = [
        ContestantRow(each.contestant_id, each.contestant_name, each.contestant_image_url) for each in event.contestants
    ]
    return Contestants(event.event_id, rows)


def _results(event: Event, reading: Reading, *, with_percentages: bool) -> Rendered:
    standings = reading.standings
    totals = [
        ResultRow(each.contestant_id, each.contestant_name, each.party, standings.counts.get(each.contestant_no, 0))
        for each in event.contestants
    ]
    totals.sort(key=lambda row: -row.votes)
    if with_percentages:
        for row, share in zip(totals, percentages([row.votes for row in totals]), strict=True):
            row.percentage = share
    content = Results(
        event.event_id, event.event_name, standings.status, totals, sum(row.votes for row in totals), reading.stale
    )
    etag = _etag(msgspec.json.encode(content))
    content.generated_at = rfc3339(datetime.now(UTC))
    return Rendered(msgspec.json.encode(content), etag)


def _etag(content: bytes) -> str:
    return f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
