"""The queue between handlers and writers: bounded, fair between events, never waiting for more."""

import asyncio

import pytest

from command.votes.vote_batcher import PendingVote, QueueFullError, VoteBatcher


def vote(event_no: int = 1) -> PendingVote:
    return PendingVote(event_no, 1, b"v" * 12, 1, None, None, asyncio.get_running_loop().create_future())


async def test_what_waits_is_taken_at_once_up_to_the_maximum() -> None:
    """One vote is a batch; many are cut at the maximum, in their order."""
    batcher = VoteBatcher(100, 3)
    votes = [vote() for _ in range(4)]
    for each in votes:
        batcher.put(each)
    assert await batcher.take() == votes[:3]
    batcher.finish(1)
    assert await batcher.take() == votes[3:]


async def test_a_waiting_writer_is_woken_by_the_first_vote() -> None:
    """An idle writer gets a vote without any delay, alone."""
    batcher = VoteBatcher(100, 3)
    taker = asyncio.create_task(batcher.take())
    await asyncio.wait({taker}, timeout=0)
    first = vote()
    batcher.put(first)
    assert await taker == [first]


async def test_events_take_turns() -> None:
    """An event with many votes does not starve one with a single vote, and a batch is of one event."""
    batcher = VoteBatcher(100, 3)
    for _ in range(10):
        batcher.put(vote(1))
    batcher.put(vote(2))
    turns = []
    for _ in range(5):
        turns.append((await batcher.take())[0].event_no)
        batcher.finish(turns[-1])
    assert turns == [1, 2, 1, 1, 1]


async def test_an_events_next_batch_fills_while_one_commits() -> None:
    """A second writer takes another event, or a full batch, and leaves a smaller one to grow."""
    batcher = VoteBatcher(100, 3)
    batcher.put(vote(1))
    await batcher.take()
    for event_no in (1, 1, 2):
        batcher.put(vote(event_no))
    assert [each.event_no for each in await batcher.take()] == [2]
    second = asyncio.create_task(batcher.take())
    await asyncio.wait({second}, timeout=0)
    assert not second.done()
    batcher.put(vote(1))
    assert len(await second) == 3
    batcher.put(vote(1))
    third = asyncio.create_task(batcher.take())
    await asyncio.wait({third}, timeout=0)
    assert not third.done()
    batcher.finish(1)
    batcher.finish(1)
    assert len(await third) == 1


async def test_a_full_queue_refuses_and_takes_again_when_there_is_room() -> None:
    """The bound holds over all events together."""
    batcher = VoteBatcher(2, 1)
    batcher.put(vote(1))
    batcher.put(vote(2))
    with pytest.raises(QueueFullError):
        batcher.put(vote(3))
    await batcher.take()
    batcher.put(vote(3))
    assert len(batcher) == 2


async def test_votes_that_nobody_waits_for_are_left_out() -> None:
    """A vote whose deadline passed in the queue was never sent: it is dropped, and leaves room."""
    batcher = VoteBatcher(3, 2)
    gone, also_gone, here = vote(1), vote(1), vote(2)
    for each in (gone, also_gone, here):
        batcher.put(each)
    gone.answer.cancel()
    also_gone.answer.cancel()
    assert await batcher.take() == [here]
    assert len(batcher) == 0


async def test_drained_waits_for_what_is_queued_and_what_is_in_flight() -> None:
    """Only when the last batch is finished is there nothing left to lose."""
    batcher = VoteBatcher(10, 10)
    await batcher.drained()
    batcher.put(vote())
    draining = asyncio.create_task(batcher.drained())
    await batcher.take()
    await asyncio.wait({draining}, timeout=0)
    assert not draining.done()
    batcher.finish(1)
    await draining


async def test_a_writer_that_was_cancelled_while_waiting_loses_no_wake_up() -> None:
    """A vote wakes the next writer when the first in line is gone."""
    batcher = VoteBatcher(10, 10)
    gone, next_one = asyncio.create_task(batcher.take()), asyncio.create_task(batcher.take())
    await asyncio.wait({gone, next_one}, timeout=0)
    gone.cancel()
    await asyncio.wait({gone})
    batcher.put(vote())
    assert len(await next_one) == 1
