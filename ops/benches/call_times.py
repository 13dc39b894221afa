"""How long calls take, one after the other on one connection to each process, as hosts and voters make them.

So a time is what the call itself costs, and not how many of them a second there are.
"""

import http.client
import json
import time
from collections import defaultdict
from typing import Any

from ops.load.latency import percentile_ms
from ops.rig.desk import contestant
from ops.rig.event import Event
from ops.rig.people import TokenMint, Voter
from ops.rig.service import Service
from ops.rig.votes import vote_of

CONTESTANTS = 5
COUNTED_WITHIN_S = 900


class CallTimes:
    """Calls to a command and a query process; `seconds` by the name of the call."""

    def __init__(self, command: Service, query: Service, mint: TokenMint) -> None:
        self._services = {
            name: http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
            for name, service in (("command", command), ("query", query))
        }
        self._mint = mint
        self.begin()

    def begin(self) -> None:
        """Measure from here on, with people whose tokens are new: a fill may take longer than one lives."""
        self.host, self.admin, self.viewer = self._mint.voter("host"), self._mint.voter("admin"), self._mint.voter()
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)

    def reconnect(self) -> None:
        """Let go of connections that have been idle: what took long elsewhere took longer than a server keeps them."""
        for connection in self._services.values():
            connection.close()

    def live(self, votes: int) -> Event:
        """A small event from its creation to its close, with so many votes."""
        event = self.create("create", 1)
        for step in ("open", "freeze", "unfreeze", "pause", "resume"):
            self._click(step, event)
        self.vote("small", event, votes)
        self._click("close", event)
        return event

    def create(self, name: str, expected_votes: int) -> Event:
        """A draft."""
        people = [contestant(f"C{number}") for number in range(1, CONTESTANTS + 1)]
        body = {"user_id": self.host.user_id, "event_name": "Final", "contestants": people}
        asked = {**body, "expected_votes": expected_votes}
        made = self.timed(name, "command", "POST", "/v1/event/create", self.host, asked)
        return Event(0, made["event_id"], [each["contestant_id"] for each in made["contestants"]])

    def vote(self, kind: str, event: Event, number: int) -> None:
        """Votes of new voters, each sent when the last one was acked."""
        for voter in [self._mint.voter() for _ in range(number)]:
            self.timed(f"vote, {kind}", "command", "POST", "/v1/vote/submit", voter, vote_of(voter, event))

    def read(self, small: Event, large: Event) -> None:
        """Once all that readers and the desk ask."""
        host, admin, viewer = self.host, self.admin, self.viewer
        for kind, event in (("small", small), ("large", large)):
            path = f"/v1/event/{event.event_id}"
            self.get(f"event, {kind}", path, viewer)
            self.get(f"leaderboard, {kind}", f"{path}/leaderboard", viewer)
            self.get(f"live count, {kind}", f"{path}/live", None)
            self.get(f"has voted, {kind}", f"{path}/vote/{viewer.user_id}", viewer)
            self.get(f"road, {kind}", f"/v1/status/road?event_id={event.event_id}", host)
            self.get(f"audit log, {kind}", f"/v1/audit/log?event_id={event.event_id}", admin)
        self.get("own votes, a page", "/v1/me/votes", viewer)
        self.get("audit log", "/v1/audit/log", admin)
        self.get("audit log, of a person", f"/v1/audit/log?actor={host.user_id}", admin)
        self.get("events, newest", "/v1/events", host)
        self.get("events, of a rare status", "/v1/events?status=paused", host)

    def leaf_through(self) -> None:
        """Every page of the events and of the audit log."""
        pages = ("events, each page", "/v1/events", self.host), ("log, each page", "/v1/audit/log", self.admin)
        for name, path, who in pages:
            page = self.get(name, path, who)
            while page["next_cursor"]:
                page = self.get(name, f"{path}?cursor={page['next_cursor']}", who)

    def count(self, name: str, event: Event, votes: int = 0) -> dict[str, Any]:
        """Statistics, asked for until that many votes at least are counted, noted as one call; what is `counted`."""
        start = time.perf_counter()
        while not (counted := self.statistics("statistics, an answer", event)) or counted["votes"] < votes:
            assert time.perf_counter() - start < COUNTED_WITHIN_S, "never counted"
        self.seconds[name].append(time.perf_counter() - start)
        return counted

    def statistics(self, name: str, event: Event) -> dict[str, Any] | None:
        """What is `counted` by now."""
        path = f"/v1/event/{event.event_id}/statistics?include_hourly=true&include_regional=true"
        counted: dict[str, Any] | None = self.get(name, path, self.admin)["statistics"]["counted"]
        return counted

    def get(self, name: str, path: str, who: Voter | None) -> dict[str, Any]:
        """One question to query."""
        return self.timed(name, "query", "GET", path, who)

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

    def _click(self, step: str, event: Event) -> None:
        self.timed(step, "command", "POST", f"/v1/event/{event.event_id}/{step}", self.host)
