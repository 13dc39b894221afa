"""The stack as `./ops/up --observe` starts it: what it measures, and one vote's journey as text."""

import asyncio
import contextlib
import json
import re
import subprocess
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from ops.embedded import observers
from ops.embedded.demo_event import make_event, operator
from ops.embedded.supervisor_config import read_procfile
from ops.observe.dashboard_check import Finding, Prometheus, check, prometheus_of
from ops.rig.eventually import PATIENCE_S, eventually
from ops.rig.running_stack import PROJECT, RunningStack
from ops.rig.stream_messages import messages

# What only happens when something goes wrong, or when somebody else is there.
NOT_HERE = re.compile(
    r"retries|refus|captchas|rule_hits|limited|dropped|rebuilds|token_refreshes|key_fetches|mails_total|standbys|backup"
    r'|status=~"5'
)
JOURNEY = [
    ("POST /v1/vote/submit", "command"),
    ("  vote batch", "command"),
    ("    cast_votes", "command"),
    ("    tally", "fanout"),
    ("      deliver", "sse"),
    ("        paint", "query"),
]
ROUNDS_MAX = 24  # of a scrape each: far more than it takes
needs_prometheus = pytest.mark.skipif(
    not observers.prometheus_binary(), reason="Prometheus isn't installed (on Debian: prometheus)"
)


class Audience:
    """An event, one who watches it all the time, and people who vote one after the other."""

    def __init__(self, session: aiohttp.ClientSession, event_id: str, people: list[dict[str, str]]) -> None:
        self._session = session
        self._event_id = event_id
        self._people = people
        self._named: asyncio.Queue[str] = asyncio.Queue()
        self.watching = asyncio.Event()

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """The JSON of an answer with status 200."""
        async with self._session.request(method, path, json=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def vote(self, traceparent: str = "") -> None:
        """Somebody votes and looks at the results, as a page does."""
        person = self._people.pop()
        who = {"Authorization": f"Bearer {person['token']}"}
        board = await self.ask("GET", f"/v1/event/{self._event_id}/leaderboard", **who)
        vote = {
            "user_id": person["user_id"],
            "event_id": self._event_id,
            "contestant_id": board["contestants"][0]["contestant_id"],
        }
        traced = {"traceparent": traceparent} if traceparent else {}
        ack = await self.ask("POST", "/v1/vote/submit", vote, **who, **traced)
        await self.ask("GET", f"/v1/vote/{ack['vote_id']}/status", **who)
        await self.ask("POST", f"/live/{self._event_id}/seen", {"delays_ms": [80], "acks_ms": [30]})

    async def paint(self, trace_id: str) -> None:
        """Wait for the frame that has this trace's vote, and say that it was painted."""
        while trace_id not in (named := await self._named.get()):
            pass
        seen = {"delays_ms": [], "paints": [{"traceparent": named, "took_ms": 2}]}
        await self.ask("POST", f"/live/{self._event_id}/seen", seen)

    async def watch(self, staff: object) -> None:
        """Read the stream until it ends, as staff with this login do: the public is told no trace of a single vote."""
        login = await self.ask("POST", "/v1/auth/login", staff)
        who = {"Authorization": f"Bearer {login['token']}"}
        async with self._session.get(f"/v1/event/{self._event_id}/stream", headers=who) as stream:
            async for message in messages(stream):
                self.watching.set()
                for traceparent in message.data.get("traces", []):
                    self._named.put_nowait(traceparent)


@pytest.fixture
async def audience(stack: RunningStack) -> AsyncIterator[Audience]:
    lines = operator(stack.folder.root, ["voters", "--count", str(ROUNDS_MAX)]).splitlines()
    event_id = await asyncio.to_thread(make_event, stack.demo["edge_url"], stack.demo["admin"], "Observed")
    async with aiohttp.ClientSession(stack.demo["edge_url"]) as session:
        made = Audience(session, event_id, [json.loads(line) for line in lines])
        watching = asyncio.create_task(made.watch(stack.demo["admin"]))
        async with asyncio.timeout(PATIENCE_S):
            await made.watching.wait()
        yield made
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


def trace_text(stack: RunningStack, trace_id: str) -> str:
    """What ./ops/trace prints of it, "" while it isn't kept."""
    words = [str(PROJECT / "ops" / "trace"), trace_id]
    return subprocess.run(words, check=False, env=stack.environment, capture_output=True, text=True).stdout


async def test_a_votes_journey_is_shown_from_http_to_the_paint(stack: RunningStack, audience: Audience) -> None:
    """By its trace id in the terminal: request, batch, tally beyond the WAL, delivery, paint, of four processes."""
    trace_id = uuid.uuid4().hex
    await audience.vote(f"00-{trace_id}-00f067aa0ba902b7-01")
    await audience.paint(trace_id)
    await asyncio.to_thread(eventually, lambda: " paint" in trace_text(stack, trace_id), "paint", every_s=0.5)
    text = trace_text(stack, trace_id)
    steps = [line[22:] for line in text.splitlines()[3:]]
    for step, (name, process) in zip(steps, JOURNEY, strict=True):
        assert re.match(rf"{re.escape(name)} +{process}\b", step), text
    assert "command, fanout, query, sse" in text.splitlines()[0]


@needs_prometheus
def test_every_process_is_scraped(stack: RunningStack) -> None:
    """Those of the Procfile, the exporter of Postgres and Redis, synthetic votes, and Prometheus itself."""
    prometheus = prometheus_of(stack.folder)
    count = len(read_procfile((PROJECT / "Procfile").read_text())) + len(observers.NAMES) - 1
    eventually(lambda: prometheus.values("sum(up)") == [count], f"{count} targets are up", every_s=0.5)
    eventually(lambda: prometheus.values("vote_pg_up + on () vote_redis_up") == [2], "both are read", every_s=0.5)


@needs_prometheus
async def test_every_query_of_the_dashboards_has_data(stack: RunningStack, audience: Audience) -> None:
    """But for those that ask for what goes wrong."""
    prometheus, silent = prometheus_of(stack.folder), [Finding("", "", "", "")]
    for _ in range(ROUNDS_MAX):
        await audience.vote()
        await asyncio.to_thread(until_scraped, prometheus)
        found = await asyncio.to_thread(check, prometheus)
        silent = [each for each in found if each.kind != "data" and not NOT_HERE.search(each.query)]
        assert [each for each in silent if each.kind == "broken"] == []
        if not silent:
            break
    assert silent == []


def until_scraped(prometheus: Prometheus) -> None:
    """Return once the processes were looked at again."""
    query = "min(timestamp(up))"
    before = prometheus.values(query)
    eventually(lambda: prometheus.values(query) != before, "a scrape", every_s=0.5)
