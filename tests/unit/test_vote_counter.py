"""Who waits for whom while votes are counted, with a ledger that answers when it is told to."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from contract.errors import Busy
from contract.vote_id import VoteKind
from query.event import Event
from query.reads import vote_counter
from query.reads.statistics_reader import LeafCount, StatisticsReader
from query.reads.vote_counter import VoteCounter

LARGE, SMALL = 1, 2


class Ledger:
    """Counts one vote a leaf; those of the large event once `released`."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.counting = asyncio.Event()

    async def leaf(self, event_no: int, _leaf: int) -> Iterable[LeafCount]:
        """One vote."""
        if event_no == LARGE:
            self.counting.set()
            await self.released.wait()
        return [LeafCount(datetime(2026, 1, 1, tzinfo=UTC), None, 1)]

    async def choices(self, _event_no: int) -> dict[str, dict[int, int]]:
        """None."""
        return {}

    async def refusals(self, _event_no: int) -> dict[VoteKind, int]:
        """None."""
        return {}

    async def assurances(self, _event_no: int) -> dict[str, int]:
        """None."""
        return {}

    async def devices(self, _event_no: int, _part: int, _parts: int) -> int:
        """None."""
        return 0


class _Known:
    def __init__(self, event_no: int) -> None:
        self.event_no, self.event_id, self.status = event_no, str(event_no), "open"


def known(event_no: int) -> Event:
    return cast("Event", _Known(event_no))


async def test_small_events_wait_for_no_large_one() -> None:
    """While an event of millions of votes is counted, one of a few is counted beside it."""
    ledger = Ledger()
    counter = VoteCounter(cast("StatisticsReader", ledger))
    large = asyncio.create_task(counter.counts(known(LARGE), 16, 20_000_000))
    await ledger.counting.wait()
    small = await counter.counts(known(SMALL), 16, 100)
    assert small is not None
    assert small.votes == 16
    ledger.released.set()
    counted = await large
    assert counted is not None
    assert counted.votes == 16


class FailingLedger(Ledger):
    """Fails after a minute of its clock while there is a `failure`."""

    def __init__(self, failure: Exception) -> None:
        super().__init__()
        self.failure: Exception | None = failure
        self.failed, self.now_s = 0, 1000.0

    async def refusals(self, _event_no: int) -> dict[VoteKind, int]:
        """None."""
        if self.failure:
            self.failed += 1
            self.now_s += 60
            raise self.failure
        return {}


@pytest.mark.parametrize("failure", [Busy(), ValueError("unknown kind")])
async def test_a_count_that_failed_rests_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failure: Exception
) -> None:
    """Whatever ended it after a minute is logged; ten minutes nobody counts, and meanwhile the last count stands."""
    ledger = FailingLedger(failure)
    monkeypatch.setattr(vote_counter, "time", SimpleNamespace(monotonic=lambda: ledger.now_s))
    counter = VoteCounter(cast("StatisticsReader", ledger))

    async def votes_counted(later_s: float) -> int | None:
        ledger.now_s += later_s
        counts = await counter.counts(known(SMALL), 16, 100)
        return counts.votes if counts else None

    assert [await votes_counted(0), await votes_counted(599)] == [None, None]
    assert ledger.failed == 1
    assert [record.__dict__["event_id"] for record in caplog.records] == [str(SMALL)]
    ledger.failure = None
    assert await votes_counted(1) == 16
    ledger.failure = failure
    assert [await votes_counted(6), await votes_counted(599)] == [16, 16]
    assert ledger.failed == 2
