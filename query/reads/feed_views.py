"""The feeds that a graphics machine polls: every figure ready to be put on a screen, a line for each contestant. Pure.

A table program takes what begins like a formula for one, so no name in the CSV does: it gets an apostrophe before it.
"""

import csv
import io

import msgspec

from contract.answer_text import Id, Time
from query.on_air import Shown
from query.reads.result_views import Rendered, Revealed, etag_of, result_rows, revealed_of

CSV_TYPE = "text/csv; charset=utf-8"
_FORMULA_BEGINS = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001  # as wide as an ideograph, and a formula all the same
_COLUMNS = (
    *("place", "contestant_name", "party", "votes", "percentage"),
    *("total_votes", "status", "stale", "frozen", "as_of", "contestant_id"),
)


class FeedRow(msgspec.Struct):
    """A contestant's line; equal votes share a place, and the next one is left out. A reveal tells no shares."""

    place: int
    contestant_id: Id
    contestant_name: str
    party: str | None
    votes: int
    percentage: float | None


class Feed(msgspec.Struct):
    """The standings, most votes first; `stale`: the numbers may lag, `frozen`: they are those of an earlier moment."""

    event_id: Id
    event_name: str
    status: str
    total_votes: int
    contestants: list[FeedRow]
    as_of: Time
    stale: bool
    frozen: bool
    revealed: Revealed = msgspec.UNSET


def feed_json(shown: Shown) -> Rendered:
    """GET /v1/event/{event_id}/feed.json"""
    event = shown.event
    feed = Feed(
        event_id=event.event_id,
        event_name=event.event_name,
        status=shown.status,
        total_votes=shown.total_votes,
        contestants=feed_rows(shown),
        as_of=shown.as_of,
        stale=shown.stale,
        frozen=shown.frozen,
        revealed=revealed_of(shown),
    )
    body = msgspec.json.encode(feed)
    return Rendered(body, etag_of(body), shown.held_back)


def feed_csv(shown: Shown) -> Rendered:
    """GET /v1/event/{event_id}/feed.csv"""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(_COLUMNS)
    stale, frozen = (str(flag).lower() for flag in (shown.stale, shown.frozen))
    for row in feed_rows(shown):
        share = "" if row.percentage is None else f"{row.percentage:.2f}"
        figures = (row.place, _text(row.contestant_name), _text(row.party or ""), row.votes, share)
        lines.writerow((*figures, shown.total_votes, shown.status, stale, frozen, shown.as_of, row.contestant_id))
    body = text.getvalue().encode()
    return Rendered(body, etag_of(body), shown.held_back, CSV_TYPE)


def feed_rows(shown: Shown) -> list[FeedRow]:
    """A line for each contestant that is shown, the best place first."""
    rows = result_rows(shown, with_percentages=True)
    votes = [row.votes for row in rows]
    held_back = len(shown.event.contestants) - len(rows)  # the better places
    return [
        FeedRow(
            held_back + votes.index(row.votes) + 1, row.contestant_id, row.name, row.party, row.votes,
            None if row.percentage is msgspec.UNSET else row.percentage,
        )
        for row in rows
    ]  # fmt: skip


def _text(given: str) -> str:
    return f"'{given}" if given.startswith(_FORMULA_BEGINS) else given
