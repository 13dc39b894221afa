"""The queue between handlers and writers: bounded, fair between events, never waiting for more."""

import asyncio
import itertools
from uuid import UUID

import pytest

from command.votes.vote_batcher import EventKey, PendingVote, QueueFullError, VoteBatcher


def key(event_no: int = 1) -> EventKey:
    return EventKey(event_no, UUID(int=event_no))


def vote(event_no: int = 1) -> PendingVote:
    return PendingVote(key(event_no), 1, b"v" * 12, 1, None, None, asyncio.get_running_loop().create_future())


def batcher_of(
    queue_votes_max: int, batch_votes_max: int, *, event_batches_max: int = 9, late_s: float = 3600
) -> VoteBatcher:
    return VoteBatcher(queue_votes_max, batch_votes_max, event_batches_max, late_s)


async def test_what_waits_is_taken_at_once_up_to_the_maximum() -> None:
    """One vote is a batch; many are cut at the maximum, in their order."""
    batcher = batcher_of(100, 3)
    votes = [vote() for _ in range(4)]
    for each in votes:
        batcher.put(each)
    first = await batcher.take()
    assert first.votes == votes[:3]
    batcher.finish(first)
    assert (await batcher.take()).votes == votes[3:]


async def test_a_waiting_writer_is_woken_by_the_first_vote() -> None:
    """An idle writer gets a vote without any delay, alone."""
    batcher = batcher_of(100, 3)
    taker = asyncio.create_task(batcher.take())
    await asyncio.wait({taker}, timeout=0)
    first = vote()
    batcher.put(first)
    assert (await taker).votes == [first]


async def test_events_take_turns() -> None:
    """An event with many votes does not starve one with a single vote, and a batch is of one event."""
    batcher = batcher_of(100, 3)
    for _ in range(10):
        batcher.put(vote(1))
    batcher.put(vote(2))
    turns = []
    for _ in range(5):
        batch = await batcher.take()
        turns.append(batch.event.event_no)
        batcher.finish(batch)
    assert turns == [1, 2, 1, 1, 1]


async def test_an_events_next_batch_fills_while_one_commits() -> None:
    """A second writer takes another event, or a full batch, and leaves a smaller one to grow."""
    batcher = batcher_of(100, 3)
    batcher.put(vote(1))
    first = await batcher.take()
    for event_no in (1, 1, 2):
        batcher.put(vote(event_no))
    assert (await batcher.take()).event == key(2)
    second = asyncio.create_task(batcher.take())
    await asyncio.wait({second}, timeout=0)
    assert not second.done()
    batcher.put(vote(1))
    assert len((await second).votes) == 3
    batcher.put(vote(1))
    third = asyncio.create_task(batcher.take())
    await asyncio.wait({third}, timeout=0)
    assert not third.done()
    batcher.finish(first)
    batcher.finish(second.result())
    assert len((await third).votes) == 1


async def test_a_full_queue_refuses_and_takes_again_when_there_is_room() -> None:
    """The bound holds over all events together."""
    batcher = batcher_of(2, 1)
    batcher.put(vote(1))
    batcher.put(vote(2))
    with pytest.raises(QueueFullError):
        batcher.put(vote(3))
    await batcher.take()
    batcher.put(vote(3))
    assert len(batcher) == 2


async def test_votes_that_nobody_waits_for_are_left_out() -> None:
    """A vote whose deadline passed in the queue was never sent: it is dropped, and leaves room."""
    batcher = batcher_of(3, 2)
    gone, also_gone, here = vote(1), vote(1), vote(2)
    for each in (gone, also_gone, here):
        batcher.put(each)
    gone.answer.cancel()
    also_gone.answer.cancel()
    assert (await batcher.take()).votes == [here]
    assert len(batcher) == 0


async def test_drained_waits_for_what_is_queued_and_what_is_in_flight() -> None:
    """Only when the last batch is finished is there nothing left to lose."""
    batcher = batcher_of(10, 10)
    await batcher.drained()
    batcher.put(vote())
    draining = asyncio.create_task(batcher.drained())
    batch = await batcher.take()
    await asyncio.wait({draining}, timeout=0)
    assert not draining.done()
    batcher.finish(batch)
    await draining


async def test_a_writer_that_was_cancelled_while_waiting_loses_no_wake_up() -> None:
    """A vote wakes the next writer when the first in line is gone."""
    batcher = batcher_of(10, 10)
    gone, next_one = asyncio.create_task(batcher.take()), asyncio.create_task(batcher.take())
    await asyncio.wait({gone, next_one}, timeout=0)
    gone.cancel()
    await asyncio.wait({gone})
    batcher.put(vote())
    assert len((await next_one).votes) == 1


async def test_a_batch_that_is_late_holds_its_event_up_no_longer() -> None:
    """Another writer takes the next votes, and those after them as if the silent batch weren't there."""
    batcher = batcher_of(100, 3, late_s=0.01)
    batcher.put(vote(1))
    silent = await batcher.take()
    other = asyncio.create_task(batcher.take())
    for _ in range(3):
        late = vote(1)
        batcher.put(late)
        batch = await other
        assert batch.votes == [late]
        other = asyncio.create_task(batcher.take())
        await asyncio.wait({other}, timeout=0)
        batcher.finish(batch)
    batcher.finish(silent)
    other.cancel()


async def test_an_event_never_has_all_writers() -> None:
    """However many votes wait and however late its batches are, it leaves a writer to the others."""
    batcher = batcher_of(100, 1, event_batches_max=2, late_s=0)
    for _ in range(5):
        batcher.put(vote(1))
    await batcher.take()
    second = await batcher.take()
    third = asyncio.create_task(batcher.take())
    await asyncio.wait({third}, timeout=0)
    assert not third.done()
    batcher.put(vote(2))
    assert (await third).event == key(2)
    batcher.finish(second)
    assert (await batcher.take()).event == key(1)


@pytest.mark.parametrize("step_s", [0.15, 0.25, 0.35, 0.45, 0.55])
async def test_a_batch_that_becomes_late_between_two_looks_is_noticed(
    monkeypatch: pytest.MonkeyPatch, step_s: float
) -> None:
    """However the clock goes on while a writer decides to wait, it doesn't wait for ever."""
    loop, looks = asyncio.get_running_loop(), itertools.count()
    batcher = batcher_of(100, 3, late_s=1)
    monkeypatch.setattr(loop, "time", lambda: step_s * next(looks))
    batcher.put(vote(1))
    await batcher.take()
    batcher.put(vote(1))
    assert (await asyncio.wait_for(batcher.take(), 20)).event == key(1)


async def test_a_vote_that_changes_nothing_wakes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """While an event's batch is under way, the first vote that waits for it and the one that fills the next wake."""
    batcher, looks = batcher_of(100, 3), list[float]()
    batcher.put(vote(1))
    await batcher.take()
    taker = asyncio.create_task(batcher.take())
    monkeypatch.setattr(batcher, "_next_event", looks.append)
    for _ in range(3):
        await asyncio.wait({taker}, timeout=0)
        batcher.put(vote(1))
    await asyncio.wait({taker}, timeout=0)
    assert len(looks) == 3  # the writer's own, and one for each of the two
    taker.cancel()
