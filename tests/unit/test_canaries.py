"""Canaries: what they remember, when they vote, when a road shows their vote, and what is said of it all."""

import asyncio
import stat
from pathlib import Path

import pytest

from ops.canary.canary_file import Canary, CanaryFile, CanaryFileError
from ops.canary.journey import Journey, Journeys, Outcome
from ops.canary.shown_totals import ShownTotals
from ops.canary.stage_table import summary, table
from ops.canary.vote_pace import VotePace


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "canaries"


def test_each_canary_votes_once_an_event(path: Path) -> None:
    """Who was renewed longest ago is first; a restart forgets nobody; with the next event all have a vote again."""
    with CanaryFile(path) as file:
        file.add([Canary("ada", "a1"), Canary("ben", "b1"), Canary("eve", "e1")])
        file.start("final", ["c1", "c2"])
        file.renew(Canary("ada", "a2"))
        assert file.take() == Canary("ben", "b1")
        file.acked("c1", 7)
    with CanaryFile(path) as file:
        event = file.event()
        assert event and (event.event_id, event.contestants) == ("final", ["c1", "c2"])
        assert (file.votes_left(), file.count(), file.acks("c1"), file.acks("c2")) == (2, 3, 7, 0)
        assert [file.take(), file.take(), file.take()] == [Canary("eve", "e1"), Canary("ada", "a2"), None]
        file.give_back("eve")
        assert file.take() == Canary("eve", "e1")
        file.forget("eve")
        file.start("next", ["c3"])
        assert (file.votes_left(), file.count(), file.acks("c3")) == (2, 2, 0)


def test_the_next_event_is_made_once(path: Path) -> None:
    """Its key stays the same, over restarts too, until it has begun."""
    with CanaryFile(path) as file:
        first = file.next_key()
    with CanaryFile(path) as file:
        assert file.next_key() == first
        assert file.event() is None
        file.start("final", ["c1"])
        assert file.next_key() not in ("", first)


def test_a_file_is_one_process_own(path: Path) -> None:
    """Nobody else reads it, a second one is told, and so is who gives another kind of file."""
    with CanaryFile(path) as file:
        file.add([Canary("ada", "a1")])
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(CanaryFileError, match="does another process use it"), CanaryFile(path):
            pass
        assert file.take() == Canary("ada", "a1")
    path.write_text("no database " * 100)
    with pytest.raises(CanaryFileError, match="holds no canaries"), CanaryFile(path):
        pass


def test_old_and_foreign_canaries_are_forgotten(path: Path) -> None:
    """Whose session must have ended, and all of another database."""
    with CanaryFile(path) as file:
        file.add([Canary("ada", "a1")])
        file.forget_before(0)
        assert file.count() == 1
        file.forget_before(1e12)
        assert file.count() == 0
        file.add([Canary("ben", "b1")])
        file.start("final", ["c1"])
        file.forget_all()
        assert (file.count(), file.event()) == (0, None)


def test_a_pace_is_uneven_and_makes_up_for_nothing() -> None:
    """So many an hour as were asked for, unevenly; after a pause of an hour comes one, not all; at once is at once."""
    pace, now, waits = VotePace(1000, now=0.0), 0.0, []
    for _ in range(2000):
        waits.append(pace.wait_s(now))
        now += waits[-1]
    assert waits[0] == 0
    assert 3.4 < now / 2000 < 3.8
    assert {round(wait, 1) for wait in waits[1:]} >= {2.0, 3.0, 4.0, 5.0}
    assert pace.wait_s(now + 3600) == 0
    assert 1.8 <= pace.wait_s(now + 3600) <= 5.4
    at_once = VotePace(None, now=0.0)
    assert [at_once.wait_s(1.0) for _ in range(3)] == [0, 0, 0]


async def test_a_vote_is_seen_at_the_first_sight_of_its_total() -> None:
    """Fewer are not enough, more are; what an old server says takes nothing back; who waits no longer is forgotten."""
    totals = ShownTotals()
    totals.show({"c1": 4, "c2": 0}, at=1.0)
    seen, other = totals.when("c1", 5), totals.when("c2", 1)
    totals.show({"c1": 4, "c2": 0}, at=2.0)
    assert (totals.wanted.is_set(), seen.done(), other.done()) == (True, False, False)
    totals.show({"c1": 6}, at=3.0)
    totals.show({"c1": 7}, at=4.0)
    totals.show({"c1": 2}, at=5.0)
    assert (await seen, totals.total("c1")) == (3.0, 7)
    other.cancel()
    await asyncio.sleep(0)
    assert not totals.wanted.is_set()


def journeys(*given: tuple[Outcome, dict[str, float]]) -> Journeys:
    made = Journeys()
    for number, (outcome, stages) in enumerate(given):
        made.end(Journey(f"{number:032x}", is_traced=True, stages=stages), outcome)
    return made


def test_a_table_says_what_was_slow_and_what_was_lost() -> None:
    """Percentiles of each stage over those that got through it, what was missed of what is promised, the slowest."""
    seen = [
        (Outcome.SEEN, {"sent_to_acked": 0.010, "sent_to_streamed": slow, "sent_to_leaderboard": slow})
        for slow in [0.1] * 90 + [0.7] * 10
    ]
    content = summary(journeys(*seen, (Outcome.LOST_AT_STREAM, {"sent_to_acked": 0.010}), (Outcome.REFUSED, {})))
    assert (content["votes"], content["outcomes"]["seen"], content["outcomes"]["lost_at_stream"]) == (102, 100, 1)
    assert content["stages"]["sent_to_acked"]["votes"] == 101
    assert content["stages"]["sent_to_streamed"] == {
        "votes": 100, "p50_ms": 100.0, "p95_ms": 700.0, "p99_ms": 700.0, "max_ms": 700.0,
    }  # fmt: skip
    assert content["stages"]["acked_to_streamed"] == {"votes": 0}
    assert content["missed"] == ["sent_to_streamed p95 700.0 ms, not 500"]
    assert content["slowest"] == {"trace_id": f"{90:032x}", "ms": 700.0}
    lines = table(content).splitlines()
    assert len({len(line) for line in lines[:5]}) == 1
    assert lines[5] == "102 votes: 100 seen, 0 lost_at_ack, 1 lost_at_stream, 0 lost_at_leaderboard, 1 refused"


def test_a_table_of_nothing() -> None:
    """No vote, no figure."""
    content = summary(Journeys())
    assert (content["votes"], content["missed"], content["slowest"]) == (0, [], None)
    assert table(content)
