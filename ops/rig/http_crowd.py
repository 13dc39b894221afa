"""A crowd that votes over HTTP for one event while a test does something to it."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator

import aiohttp

from ops.rig.event import Event
from ops.rig.people import TokenMint
from ops.rig.votes import submit, vote_of


class HttpCrowd:
    """New voters, so many at a time, until the block ends, each until its vote is in.

    `answers` are counted by status; `acked` are the pseudonyms of those who are in, and `receipts` theirs.
    """

    def __init__(self, session: aiohttp.ClientSession, mint: TokenMint, event: Event, at_once: int) -> None:
        self._session, self._mint, self._event, self._at_once = session, mint, event, at_once
        self.answers: Counter[int] = Counter()
        self.acked: set[bytes] = set()
        self.receipts: set[str] = set()
        self._answered = asyncio.Condition()
        self._ended = False

    @contextlib.asynccontextmanager
    async def voting(self) -> AsyncIterator["HttpCrowd"]:
        """Vote during the block."""
        async with asyncio.TaskGroup() as voters:
            for _ in range(self._at_once):
                voters.create_task(self._vote())
            yield self
            self._ended = True

    async def until(self, status: int, more: int) -> None:
        """Return after so many more answers of this status."""
        goal = self.answers[status] + more
        async with self._answered:
            await self._answered.wait_for(lambda: self.answers[status] >= goal)

    async def _vote(self) -> None:
        voter = self._mint.voter()
        while not self._ended:
            status, content = await submit(self._session, voter, vote_of(voter, self._event))
            async with self._answered:
                self.answers[status] += 1
                if status == 200:
                    self.acked.add(voter.pseudonym(self._event.event_no))
                    self.receipts.add(content["vote_id"])
                    voter = self._mint.voter()
                self._answered.notify_all()
