"""Who uses the stack meanwhile: people who vote, read leaderboards and watch, at a steady pace; and one who floods.

Each person has one vote in an event, so when all have voted a new event begins. Nobody here minds what fails: that is
what the alerts are for.
"""

import asyncio
import contextlib
import itertools
import json
import threading
from collections import Counter

import aiohttp
import psycopg

from ops.audience import Member
from ops.embedded.demo_event import make_event, operator
from ops.embedded.refusal import CannotStart
from ops.rig.event import Event, find_event
from ops.rig.running_stack import RunningStack

PEOPLE, VIEWERS = 3_000, 20
VOTES_A_SECOND, READS_A_SECOND, FLOOD_A_SECOND = 30.0, 5.0, 60.0
INSIDE_MAX = 200  # votes without an answer; beyond them the pace waits
ANSWER_WITHIN_S = 20.0


class Crowd:
    """Goes on in a thread from `start` until `stop`; while `flooding` is set, one account votes on and on."""

    def __init__(self, stack: RunningStack) -> None:
        self._demo = stack.demo
        lines = operator(stack.folder.root, ["voters", "--count", str(PEOPLE)]).splitlines()
        self._people = [Member(**json.loads(line)) for line in lines]
        self._event = self._new_event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._go_on()), name="crowd")
        self.flooding = threading.Event()
        self.statuses: Counter[str] = Counter()  # of all answers; a failed connection counts by its error's name

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Return when the last has gone."""
        self._stopped.set()
        self._thread.join()

    async def _go_on(self) -> None:
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        connector = aiohttp.TCPConnector(limit=INSIDE_MAX + VIEWERS)
        async with aiohttp.ClientSession(self._demo["edge_url"], timeout=timeout, connector=connector) as http:
            tasks = [asyncio.create_task(self._watch(http)) for _ in range(VIEWERS)]
            tasks += [asyncio.create_task(each(http)) for each in (self._vote_all, self._read, self._flood)]
            await asyncio.to_thread(self._stopped.wait)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _vote_all(self, http: aiohttp.ClientSession) -> None:
        inside = asyncio.Semaphore(INSIDE_MAX)
        async with asyncio.TaskGroup() as voting:
            for number, person in enumerate(itertools.cycle(self._people), start=1):
                await inside.acquire()
                voting.create_task(self._vote(http, person)).add_done_callback(lambda _: inside.release())
                await asyncio.sleep(1 / VOTES_A_SECOND)
                if number % len(self._people) == 0:
                    with contextlib.suppress(CannotStart, OSError, psycopg.Error):  # then they vote again in this one
                        self._event = await asyncio.to_thread(self._new_event)

    async def _read(self, http: aiohttp.ClientSession) -> None:
        for person in itertools.cycle(self._people):
            await self._ask(http, "GET", f"/v1/event/{self._event.event_id}/leaderboard", person)
            await asyncio.sleep(1 / READS_A_SECOND)

    async def _flood(self, http: aiohttp.ClientSession) -> None:
        while True:
            if self.flooding.is_set():
                await self._vote(http, self._people[0])
            await asyncio.sleep(1 / FLOOD_A_SECOND)

    async def _watch(self, http: aiohttp.ClientSession) -> None:
        """One viewer, who comes back a second after a stream has ended, or when another event has begun."""
        while True:
            event = self._event
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                timeout = aiohttp.ClientTimeout(sock_read=60)
                async with http.get(f"/v1/event/{event.event_id}/stream", timeout=timeout) as stream:
                    async for _ in stream.content.iter_any():
                        if self._event is not event:
                            break
            await asyncio.sleep(1)

    async def _vote(self, http: aiohttp.ClientSession, person: Member) -> None:
        contestant_id = self._event.contestants[0]
        vote = {"user_id": person.user_id, "event_id": self._event.event_id, "contestant_id": contestant_id}
        await self._ask(http, "POST", "/v1/vote/submit", person, vote)

    async def _ask(
        self, http: aiohttp.ClientSession, method: str, path: str, person: Member, body: dict[str, str] | None = None
    ) -> None:
        try:
            async with http.request(method, path, json=body, headers=person.headers) as answer:
                await answer.read()
                self.statuses[str(answer.status)] += 1
        except (aiohttp.ClientError, TimeoutError) as error:
            self.statuses[type(error).__name__] += 1

    def _new_event(self) -> Event:
        event_id = make_event(self._demo["edge_url"], self._demo["admin"], "Drill")
        with psycopg.connect(self._demo["database_url"]) as connection:
            return find_event(connection, event_id)
