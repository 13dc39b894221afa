"""An audience for the running stack: makes voters, lets each vote once through the edge, then compares five numbers.

    voters (identity's operator line) ► paced, retried until acked ► sent = acked = ledger = tally = leaderboard ?

A voter who gets no ack tries again with the very same vote, as a page would: so a process that dies on the way costs
time, never a vote. The exit code says whether the numbers are equal.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString

import aiohttp
import psycopg
from tqdm import tqdm

from ops.embedded.data_folder import DataFolder
from ops.embedded.demo_event import identity, make_event
from ops.embedded.refusal import CannotStart

CONNECTIONS_MAX = 256
AWAY = (429, 502, 503, 504)
GIVE_UP_AFTER_S = 120
SETTLED_WITHIN_S = 60
LEDGER = "SELECT count(*) FROM votes WHERE event_no = (SELECT event_no FROM events WHERE event_id = %s)"
TALLY = "SELECT coalesce(sum(votes), 0) FROM tallies WHERE event_no = (SELECT event_no FROM events WHERE event_id = %s)"


@dataclass(frozen=True)
class Voter:
    """One person with an access token."""

    user_id: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What makes a request this person's."""
        return {"Authorization": f"Bearer {self.token}"}


@dataclass
class Outcome:
    """What the audience saw itself."""

    sent: int = 0
    retries: int = 0
    ack_seconds: list[float] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


class Audience:
    """Votes of one event, paced, over a bounded number of connections."""

    def __init__(self, http: aiohttp.ClientSession, event_id: str, contestants: list[str]) -> None:
        self._http = http
        self._event_id = event_id
        self._contestants = contestants
        # A favourite, a rival and a long tail, another order each time.
        self._weights = [1 / (place + 0.7) for place in range(1, len(contestants) + 1)]
        random.shuffle(self._weights)
        self.outcome = Outcome()

    async def vote_all(self, voters: list[Voter], rate: float) -> None:
        """Let each voter vote, `rate` of them a second."""
        with tqdm(total=len(voters), unit="vote", dynamic_ncols=True) as bar:
            turns = self._turns(voters, rate)
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(CONNECTIONS_MAX, len(voters))):
                    tasks.create_task(self._take_turns(turns, bar))

    def _turns(self, voters: list[Voter], rate: float) -> Iterator[tuple[float, Voter]]:
        begin = time.monotonic()
        return ((begin + number / rate, voter) for number, voter in enumerate(voters))

    async def _take_turns(self, turns: Iterator[tuple[float, Voter]], bar: "tqdm[Any]") -> None:
        for at, voter in turns:
            await asyncio.sleep(at - time.monotonic())
            await self._vote(voter)
            bar.update()

    async def _vote(self, voter: Voter) -> None:
        [contestant_id] = random.choices(self._contestants, self._weights)  # noqa: S311 - a taste, not a secret
        vote = {"user_id": voter.user_id, "event_id": self._event_id, "contestant_id": contestant_id}
        self.outcome.sent += 1
        begin, pause_s = time.monotonic(), 0.1
        while (answer := await self._try(voter, vote))[0] != 200:
            if answer[0] not in AWAY or time.monotonic() - begin > GIVE_UP_AFTER_S:
                self.outcome.refusals.append(f"{answer[0]} {answer[1]}")
                return
            self.outcome.retries += 1
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - spreads retries apart
            pause_s = min(2 * pause_s, 2.0)
        self.outcome.ack_seconds.append(time.monotonic() - begin)

    async def _try(self, voter: Voter, vote: dict[str, str]) -> tuple[int, str]:
        """Status and text of the answer; a connection that fails counts as 502."""
        try:
            async with self._http.post("/v1/vote/submit", json=vote, headers=voter.headers) as answer:
                return answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            return 502, repr(error)


class Books:
    """The numbers that others hold: ledger, tally and leaderboard."""

    def __init__(self, http: aiohttp.ClientSession, database_url: str, event_id: str, reader: Voter) -> None:
        self._http = http
        self._database_url = database_url
        self._event_id = event_id
        self._reader = reader

    def ledger(self) -> int:
        """Votes in the ledger."""
        return self._count(LEDGER)

    async def settle(self) -> tuple[int, int, int]:
        """Ledger, tally and leaderboard once they agree, or as they are when time is up."""
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while True:
            ledger, tally, leaderboard = self.ledger(), self._count(TALLY), await self._leaderboard()
            if ledger == tally == leaderboard or time.monotonic() > deadline:
                return ledger, tally, leaderboard
            await asyncio.sleep(0.2)

    def _count(self, statement: LiteralString) -> int:
        with psycopg.connect(self._database_url) as connection:
            [number] = connection.execute(statement, [self._event_id]).fetchone() or (0,)
        return int(number)

    async def _leaderboard(self) -> int:
        """The shown total; -1 while it is marked stale or can't be had."""
        try:
            url = f"/v1/event/{self._event_id}/leaderboard"
            async with self._http.get(url, headers=self._reader.headers) as answer:
                shown = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return -1
        if answer.status != 200 or shown["stale"]:
            return -1
        return sum(contestant["total_votes"] for contestant in shown["contestants"])


async def run(given: argparse.Namespace) -> int:
    """The whole demo; the exit code. Raises CannotStart."""
    folder = DataFolder(given.data_dir.absolute())
    if not folder.demo.exists():
        raise CannotStart(f"{folder.demo} is not there: start the stack with ./ops/up first")
    demo = json.loads(folder.demo.read_text())
    event_id = demo["event_id"]
    if given.new_event:
        event_id = make_event(demo["edge_url"], demo["admin"], f"Demo of {time.strftime('%F %T')}")
    print(f"Watch {demo['edge_url']}/live/{event_id}", flush=True)
    lines = identity(folder.root, ["voters", "--count", str(given.voters)]).splitlines()
    voters = [Voter(**json.loads(line)) for line in lines]
    connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(demo["edge_url"], connector=connector, timeout=timeout) as http:
        async with http.get(f"/v1/contestants/{event_id}", headers=voters[0].headers) as answer:
            contestants = [contestant["contestant_id"] for contestant in (await answer.json())["contestants"]]
        books = Books(http, demo["database_url"], event_id, voters[0])
        before = books.ledger()
        audience = Audience(http, event_id, contestants)
        await audience.vote_all(voters, given.rate)
        ledger, tally, leaderboard = await books.settle()
    return report(audience.outcome, ledger - before, tally - before, leaderboard - before)


def report(outcome: Outcome, ledger: int, tally: int, leaderboard: int) -> int:
    """Print the five numbers and what the audience saw; 0 if they are equal."""
    times = sorted(outcome.ack_seconds) or [0.0]
    p50, p99 = (1000 * times[int(len(times) * share)] for share in (0.5, 0.99))
    numbers = [outcome.sent, len(outcome.ack_seconds), ledger, tally, leaderboard]
    equal = len(set(numbers)) == 1
    names = ("sent", "acked", "ledger", "tally", "leaderboard")
    print(f"ack p50 {p50:.0f} ms, p99 {p99:.0f} ms (with its retries); {outcome.retries} retries")
    for refusal in outcome.refusals[:1]:
        print(f"{len(outcome.refusals)} votes were not taken, the first: {refusal}")
    compared = ", ".join(f"{name} {number}" for name, number in zip(names, numbers, strict=True))
    print(f"{compared}: {'equal' if equal else 'NOT EQUAL'}")
    return 0 if equal else 1


def main() -> int:
    """The command line."""
    line = argparse.ArgumentParser(prog="./ops/demo", description=__doc__.splitlines()[0])
    line.add_argument("--voters", type=int, default=1000, help="how many people vote, once each")
    line.add_argument("--rate", type=float, default=500, help="how many of them a second")
    line.add_argument("--new-event", action="store_true", help="in an event of its own, not the demo event")
    line.add_argument("--data-dir", type=Path, default=Path(os.environ["DATA_DIR"]), help="the stack's DATA_DIR")
    try:
        return asyncio.run(run(line.parse_args()))
    except CannotStart as reason:
        print(f"demo: {reason}", file=sys.stderr)
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
