"""An audience for the running stack: makes voters, lets each vote once through the edge, then compares five numbers.

    voters (the operator's command line) ► paced, retried until acked ► sent = acked = ledger = tally = leaderboard ?

A voter who gets no ack tries again with the very same vote, as a page would: so a process that dies on the way costs
time, never a vote. SIGTERM ends the voting early. The exit code says whether the numbers are equal.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
from tqdm import tqdm

from ops.embedded.data_folder import DataFolder
from ops.embedded.demo_event import make_event, operator
from ops.embedded.refusal import CannotStart
from ops.load.latency import percentile_ms
from ops.rig.database import Database
from ops.rig.event import Event, find_event
from ops.rig.eventually import eventually
from ops.rig.oracle import counts_in_checkpoint, counts_in_ledger, counts_on_leaderboard, total_of

CONNECTIONS_MAX = 256
AWAY = (429, 502, 503, 504)
GIVE_UP_AFTER_S = 120


@dataclass(frozen=True)
class Member:
    """One person with an access token, as the operator's command line prints it."""

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

    def __init__(self, http: aiohttp.ClientSession, event: Event) -> None:
        self._http = http
        self._event = event
        # A favourite, a rival and a long tail, another order each time.
        self._weights = [1 / (place + 0.7) for place in range(1, len(event.contestants) + 1)]
        random.shuffle(self._weights)
        self._at_home = False
        self.outcome = Outcome()

    async def vote_all(self, voters: list[Member], rate: float) -> None:
        """Let each voter vote, `rate` of them a second."""
        with tqdm(total=len(voters), unit="vote", dynamic_ncols=True) as bar:
            turns = self._turns(voters, rate)
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(CONNECTIONS_MAX, len(voters))):
                    tasks.create_task(self._take_turns(turns, bar))

    def go_home(self) -> None:
        """No more votes are begun."""
        self._at_home = True

    def _turns(self, voters: list[Member], rate: float) -> Iterator[tuple[float, Member]]:
        begin = time.monotonic()
        return ((begin + number / rate, voter) for number, voter in enumerate(voters))

    async def _take_turns(self, turns: Iterator[tuple[float, Member]], bar: "tqdm[Any]") -> None:
        for at, voter in turns:
            await asyncio.sleep(at - time.monotonic())
            if self._at_home:
                return
            await self._vote(voter)
            bar.update()

    async def _vote(self, voter: Member) -> None:
        [contestant_id] = random.choices(self._event.contestants, self._weights)  # noqa: S311 - a taste, not a secret
        vote = {"user_id": voter.user_id, "event_id": self._event.event_id, "contestant_id": contestant_id}
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

    async def _try(self, voter: Member, vote: dict[str, str]) -> tuple[int, str]:
        """Status and text of the answer; a connection that fails counts as 502."""
        try:
            async with self._http.post("/v1/vote/submit", json=vote, headers=voter.headers) as answer:
                return answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            return 502, repr(error)


@dataclass(frozen=True)
class Books:
    """What others say of an event's votes: ledger, tally and leaderboard."""

    database: Database
    edge_url: str
    event: Event
    reader: Member

    def totals(self) -> tuple[int, int, int]:
        """As they are now; -1 for a leaderboard that is marked stale or can't be had."""
        ledger = total_of(self.event, counts_in_ledger(self.database, [self.event]))
        tally = total_of(self.event, counts_in_checkpoint(self.database))
        shown = counts_on_leaderboard(self.edge_url, self.reader.headers, self.event)
        return ledger, tally, -1 if shown is None else total_of(self.event, shown)

    def settle(self) -> tuple[int, int, int]:
        """The same once they agree, or as they are when time is up."""
        with contextlib.suppress(AssertionError):
            eventually(lambda: len(set(self.totals())) == 1, "all agree", every_s=0.2)
        return self.totals()


def run(given: argparse.Namespace) -> int:
    """The whole demo; the exit code. Raises CannotStart."""
    folder = DataFolder(given.data_dir.absolute())
    if not folder.demo.exists():
        raise CannotStart(f"{folder.demo} is not there: start the stack with ./ops/up first")
    demo = json.loads(folder.demo.read_text())
    event_id = demo["event_id"]
    if given.new_event:
        event_id = make_event(demo["edge_url"], demo["admin"], f"Demo of {time.strftime('%F %T')}")
    print(f"Watch {demo['edge_url']}/live/{event_id}", flush=True)
    lines = operator(folder.root, ["voters", "--count", str(given.voters)]).splitlines()
    people = [Member(**json.loads(line)) for line in lines]
    database = Database(demo["database_url"])
    with psycopg.connect(database.url()) as connection:
        event = find_event(connection, event_id)
    books = Books(database, demo["edge_url"], event, people[0])
    before, *_ = books.totals()
    outcome = asyncio.run(vote(demo["edge_url"], event, people, given.rate))
    return report(outcome, *(total - before for total in books.settle()))


async def vote(edge_url: str, event: Event, people: list[Member], rate: float) -> Outcome:
    """Let each of them vote; SIGTERM sends home who hasn't begun."""
    connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(edge_url, connector=connector, timeout=timeout) as http:
        audience = Audience(http, event)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, audience.go_home)
        await audience.vote_all(people, rate)
    return audience.outcome


def report(outcome: Outcome, ledger: int, tally: int, leaderboard: int) -> int:
    """Print the five numbers and what the audience saw; 0 if they are equal."""
    p50, p99 = (percentile_ms(outcome.ack_seconds, percent) for percent in (50, 99))
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
        return run(line.parse_args())
    except CannotStart as reason:
        print(f"demo: {reason}", file=sys.stderr)
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
