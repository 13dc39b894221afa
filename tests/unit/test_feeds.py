"""The feeds that graphics machines poll."""

import csv
from collections.abc import Sequence

import msgspec
import pytest

from contract.standings import OnAir, Standings
from query.event import Contestant, Event
from query.on_air import Audience, Shown, see
from query.reading import Reading
from query.reads.feed_views import Feed, feed_csv, feed_json

AS_OF = "2026-01-01T20:15:00.000000Z"


def shown_of(names: Sequence[str], votes: Sequence[int], revealed: int | None = None) -> Shown:
    """An event whose contestants have these names and votes; so many places from the last up."""
    contestants = tuple(
        Contestant(number, f"id-{number}", name, "", "", None) for number, name in enumerate(names, start=1)
    )
    known = {
        "event_description": None,
        "opens_at": None,
        "closes_at": None,
        "captcha": False,
        "key_no": 1,
        "assurance_min": "",
        "rehearsal": False,
        "two_person": False,
        "short_code": "ABCDEF",
    }
    named = {"event_id": "id", "event_name": "Final", "status": "closed", "results_visibility": "staff", "event_no": 1}
    on_air = OnAir(2, "closed", "staff", frozen=False, revealed=revealed)
    event = Event(**known, **named, change_no=2, frozen=False, revealed=revealed, contestants=contestants)  # type: ignore[arg-type]  # each by its name
    counts = dict(enumerate(votes, start=1))
    standings = Standings("id", 1, 100, "closed", AS_OF, counts, complete=True, on_air=on_air)
    reading = Reading(standings, stale=False, final=True, on_air=on_air)
    shown = see(event, reading, Audience.STAFF if revealed is None else Audience.PUBLIC)
    assert shown
    return shown


def test_lines_have_places() -> None:
    """Most votes first; who has equally many shares a place."""
    feed = msgspec.json.decode(feed_json(shown_of("ABCD", (5, 10, 5, 1))).body, type=Feed)
    assert [(row.place, row.contestant_name, row.votes) for row in feed.contestants] == [
        (1, "B", 10),
        (2, "A", 5),
        (2, "C", 5),
        (4, "D", 1),
    ]
    assert (feed.total_votes, feed.as_of, feed.stale) == (21, AS_OF, False)


def test_a_reveal_shows_the_last_places() -> None:
    """With their numbers, and without the shares from which the others could be told."""
    feed = msgspec.json.decode(feed_json(shown_of("ABCD", (5, 10, 6, 1), revealed=2)).body, type=Feed)
    lines = [(row.place, row.contestant_name, row.votes, row.percentage) for row in feed.contestants]
    assert lines == [(3, "A", 5, None), (4, "D", 1, None)]
    assert (feed.revealed, feed.total_votes) == (2, 6)
    assert "3,A,,5,," in feed_csv(shown_of("ABCD", (5, 10, 6, 1), revealed=2)).body.decode()


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＠x"])  # noqa: RUF001
def test_no_name_is_a_formula(name: str) -> None:
    """Whatever a table program would calculate is text."""
    rows = list(csv.reader(feed_csv(shown_of([name], [1])).body.decode().splitlines(keepends=True)))
    assert rows[1][1] == f"'{name}"


def test_a_table_keeps_names_whole() -> None:
    """Commas, quotes and lines in a name stay in its field."""
    name = 'Anna, "the\nVoice"; Ünal'
    rows = list(csv.reader(feed_csv(shown_of([name], [1])).body.decode().splitlines(keepends=True)))
    assert rows[1] == ["1", name, "", "1", "100.00", "1", "closed", "false", "false", AS_OF, "id-1"]
