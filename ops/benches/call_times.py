"""How long calls take, one after the other on one connection to each process, as hosts and voters make them.

So a time is what the call itself costs, and not how many of them a second there are.
"""

import http.client
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ops.load.latency import percentile_ms
from ops.rig.desk import contestant
from ops.rig.event import Event
from ops.rig.people import TokenMint, Voter
from ops.rig.service import Service
from ops.rig.votes import vote_of

LIFE_ROUNDS = 15
VOTES_A_ROUND = 20
LARGE_ROUNDS = 3
READS = 60
CONTESTANTS = 5
COUNTED_WITHIN_S = 600


class CallTimes:
    """Times of calls to a command and a query process, in seconds by the name of the call."""

    def __init__(self, command: Service, query: Service, mint: TokenMint) -> None:
        self._services = {
            name: http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
            for name, service in (("command", command), ("query", query))
        }
        self._mint = mint
        self.host, self.admin = mint.voter("host"), mint.voter("admin")
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)

    def lives(self) -> list[Event]:
        """Small events from their creation to their close; and the creation of large ones."""
        made = [self._life() for _ in range(LIFE_ROUNDS)]
        for _ in range(LARGE_ROUNDS):
            self._create("create a large event", 20_000_000)
        return made

    def votes(self, name: str, event: Event, number: int) -> None:
        """Votes of new voters, each sent when the last one was acked."""
        for voter in [self._mint.voter() for _ in range(number)]:
            self.timed(f"vote, {name}", "command", "POST", "/v1/vote/submit", voter, vote_of(voter, event))

    def reads(self, small: Sequence[Event], large: Event) -> None:
        """What readers and the desk ask."""
        voter = self._mint.voter()
        for number in range(READS):
            one = small[number % len(small)]
            for kind, event in (("small", one), ("large", large)):
                path = f"/v1/event/{event.event_id}"
                self.timed(f"event, {kind}", "query", "GET", path, voter)
                self.timed(f"leaderboard, {kind}", "query", "GET", f"{path}/leaderboard", voter)
                self.timed(f"live count, {kind}", "query", "GET", f"{path}/live", None)
                self.timed(f"has voted, {kind}", "query", "GET", f"{path}/vote/{voter.user_id}", voter)
                self.timed(f"road, {kind}", "query", "GET", f"/v1/status/road?event_id={event.event_id}", self.host)
                self.timed(f"audit log, {kind}", "query", "GET", f"/v1/audit/log?event_id={event.event_id}", self.admin)
            self.timed("audit log", "query", "GET", "/v1/audit/log", self.admin)
            self.timed("audit log, of a person", "query", "GET", f"/v1/audit/log?actor={self.host.user_id}", self.admin)
            self.timed("events, newest", "query", "GET", "/v1/events", self.host)
            self.timed("events, of a rare status", "query", "GET", "/v1/events?status=paused", self.host)
        self._pages("events, a page", "/v1/events", "next_cursor", self.host)
        self._pages("audit log, a page", "/v1/audit/log", "next_cursor", self.admin)

    def statistics(self, small: Sequence[Event], large: Event) -> dict[str, Any]:
        """Statistics: of small events, each counted, of a large one, and of small ones while that is counted.

        Gives what is `counted` of the large one.
        """
        for event in small[: len(small) // 2]:
            self._statistics("statistics, small", event)
        first: dict[str, Any] = self._statistics("statistics, large, first answer", large)
        for event in small[len(small) // 2 :]:
            counted = self._statistics("statistics, small, beside the large", event)
            assert counted, "a small event's count waits for the large one's"
        until = time.monotonic() + COUNTED_WITHIN_S
        while not first:
            first = self._statistics("statistics, large, while it is counted", large)
            assert time.monotonic() < until, "the large event is never counted"
        for _ in range(READS):
            self._statistics("statistics, large", large)
        return first

    def timed(
        self, name: str, service: str, method: str, path: str, who: Voter | None, body: object = None
    ) -> dict[str, Any]:
        """One call, noted; its answer must be a 200."""
        headers = {**(who.headers if who else {}), **({"Content-Type": "application/json"} if body else {})}
        connection = self._services[service]
        start = time.perf_counter()
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        content = answer.read()
        self.seconds[name].append(time.perf_counter() - start)
        assert answer.status == 200, (name, answer.status, content)
        found: dict[str, Any] = json.loads(content)
        return found

    def percentiles(self) -> dict[str, tuple[float, float]]:
        """Median and 99th percentile of each call, in milliseconds."""
        return {name: (percentile_ms(each, 50), percentile_ms(each, 99)) for name, each in self.seconds.items()}

    def _life(self) -> Event:
        event = self._create("create", 1)
        for step in ("open", "freeze", "unfreeze", "pause", "resume"):
            self._click(step, event)
        self.votes("small", event, VOTES_A_ROUND)
        self._click("close", event)
        return event

    def _create(self, name: str, expected_votes: int) -> Event:
        people = [contestant(f"C{number}") for number in range(1, CONTESTANTS + 1)]
        body = {"user_id": self.host.user_id, "event_name": "Final", "contestants": people}
        asked = {**body, "expected_votes": expected_votes}
        made = self.timed(name, "command", "POST", "/v1/event/create", self.host, asked)
        return Event(0, made["event_id"], [each["contestant_id"] for each in made["contestants"]])

    def _click(self, step: str, event: Event) -> None:
        self.timed(step, "command", "POST", f"/v1/event/{event.event_id}/{step}", self.host)

    def _pages(self, name: str, path: str, cursor: str, who: Voter) -> None:
        page = self.timed(name, "query", "GET", path, who)
        while page[cursor]:
            page = self.timed(name, "query", "GET", f"{path}?cursor={page[cursor]}", who)

    def _statistics(self, name: str, event: Event) -> Any:
        path = f"/v1/event/{event.event_id}/statistics?include_hourly=true&include_regional=true"
        return self.timed(name, "query", "GET", path, self.admin)["statistics"]["counted"]
