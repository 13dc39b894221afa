"""What the log says of votes and of counting: sums once a second, by event, in bounded many lines."""

import logging
import time
from typing import Any, cast
from uuid import UUID

import pytest

from command.votes.vote_caster import VoteCaster
from command.votes.vote_log import EVENTS_MAX, OTHERS, VoteLog
from contract.errors import TooMany
from contract.tokens import Caller
from fanout import vitals
from fanout.counting_log import CountingLog


def test_votes_are_told_as_sums(caplog: pytest.LogCaptureFixture) -> None:
    """A line for each event, with how many had which outcome; then nothing, until there are votes again."""
    caplog.set_level(logging.INFO)
    told = VoteLog()
    told.note("a", "accepted", 3)
    told.note("a", "duplicate")
    told.note("b", "busy")
    told.note("a", "accepted", 2)
    told.tell()
    told.tell()
    lines = [(record.msg, vars(record)["event_id"], vars(record)["outcomes"]) for record in caplog.records]
    assert lines == [("votes", "a", {"accepted": 5, "duplicate": 1}), ("votes", "b", {"busy": 1})]


def test_many_events_take_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    """Ids are what clients send: beyond so many in a second the rest is one sum, and none is lost."""
    caplog.set_level(logging.INFO)
    told = VoteLog()
    for number in range(3 * EVENTS_MAX):
        told.note(number, "not_found")
    told.tell()
    sums = {vars(record)["event_id"]: vars(record)["outcomes"]["not_found"] for record in caplog.records}
    assert len(sums) == EVENTS_MAX + 1
    assert sums[OTHERS] == 2 * EVENTS_MAX


async def test_unknown_events_have_no_line_of_their_own(caplog: pytest.LogCaptureFixture) -> None:
    """A refusal is told of an event only once that was found: made-up ids push no other into the rest."""
    caplog.set_level(logging.INFO)
    known, told = UUID(int=1), VoteLog()

    class Events:
        def knows(self, event_id: UUID) -> bool:
            return event_id == known

    class Limits:
        def require(self, *_: Any) -> None:
            raise TooMany

    parts: dict[str, Any] = dict.fromkeys(("seeds", "batcher", "keys", "regions", "captcha", "judge"))
    caster = VoteCaster(**parts, events=cast("Any", Events()), limits=cast("Any", Limits()), told=told, deadline_ms=1)
    caller = Caller("somebody", frozenset(), "", 0, "")
    for number in range(1, 4):
        with pytest.raises(TooMany):
            await caster.cast(caller, UUID(int=number), known, None, "192.0.2.1", None)
    told.tell()
    sums = {vars(record)["event_id"]: vars(record)["outcomes"]["too_many"] for record in caplog.records}
    assert sums == {str(known): 1, OTHERS: 2}


def test_lateness_is_told_when_it_begins_and_when_it_ends(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting that falls behind is a warning, once; that it has caught up is said, too."""
    caplog.set_level(logging.INFO)
    lags = iter([0.1, 5.0, 6.0, 0.2, 0.2])
    monkeypatch.setattr(vitals.LAG, "seconds", lambda _now: next(lags))
    told = CountingLog(late_s=1.0)
    for _ in range(5):
        told.tell(7)
    assert [record.msg for record in caplog.records] == ["counting is late", "counting is on time again"]


def test_counting_is_told_once_a_second(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was counted in a second is one line, and a quiet second none."""
    caplog.set_level(logging.INFO)
    clock = [time.monotonic()]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(vitals.LAG, "seconds", lambda _now: 0.0)
    told = CountingLog(late_s=1.0)
    for seconds, votes in ((0.1, 10), (0.2, 20), (1.1, 30), (2.2, 0)):
        if votes:
            told.note(votes)
        clock[0] += seconds
        told.tell(7)
    counted = [(vars(record)["votes"], vars(record)["commits"]) for record in caplog.records]
    assert counted == [(60, 3)]
