"""Every road by which numbers of an event reach somebody, and what came of each."""

import contextlib
import itertools
import re
from collections.abc import AsyncIterator

import aiohttp

from ops.rig.event import Event
from ops.rig.people import TokenMint, Voter
from ops.rig.service import Service
from ops.rig.stream_messages import Message, messages

RESULTS = ["leaderboard", "results", "results?include_percentages=true", "live", "feed.json", "feed.csv"]
ELECTION_RESULTS = ["", "live/"]
NUMBERS = re.compile(rb'"(?:total_?[vV]otes|votes|current_?[vV]otes|delta)": ?(-?\d+)')
LINES = re.compile(rb"^\d+,[^,]*,[^,]*,(\d+),[\d.]*,(\d+),", re.MULTILINE)  # of the CSV: votes, and all of them


class Roads:
    """All roads by which somebody could learn numbers of an event; remembers every ETag that was ever given."""

    def __init__(self, query: Service, sse: Service, event: Event, other: Event, mint: TokenMint) -> None:
        self.query, self.sse, self.event, self.other = query, sse, event, other
        self.host, self.viewer = mint.voter("host"), mint.voter()
        self._bodies: dict[tuple[str, str], bytes] = {}  # by path and ETag

    async def everywhere(self, who: Voter | None) -> dict[str, tuple[int, set[int]]]:
        """Status and numbers of each road: with this person's token, or, for the public, with whatever it may have."""
        found: dict[str, tuple[int, set[int]]] = {}
        async with aiohttp.ClientSession(self.query.url) as reads, aiohttp.ClientSession(self.sse.url) as streams:
            event_id = self.event.event_id
            paths = [f"/v1/event/{event_id}/{name}" for name in RESULTS]
            paths += [f"/api/v1/results/{name}{event_id}" for name in ELECTION_RESULTS]
            for path in (*paths, "/v1/events"):
                asker = who or (self.viewer if path.endswith(("leaderboard", "events")) else None)
                for etag in ("", *(etag for known, etag in self._bodies if known == path)):
                    found[f"{path} {etag}"] = await self._read(reads, path, asker, etag)
            path = f"/api/v1/results/stream/{event_id}?token={(who or self.viewer).token}"
            found[path] = await self._first(streams, path, None)
            tickets = ["", "?ticket=nonsense"]
            if who is None:
                tickets.append("?ticket=" + await self._ticket(streams, self.other, self.host))
            for door in ("stream", "ws"):
                for ticket in tickets:
                    path = f"/v1/event/{event_id}/{door}{ticket}"
                    for asker in (who, who or self.viewer):
                        found[f"{path} {asker is None}"] = await self._first(streams, path, asker)
        return found

    async def stream_by_ticket(self, session: aiohttp.ClientSession) -> tuple[int, set[int]]:
        """What a ticket of the host's opens."""
        ticket = await self._ticket(session, self.event, self.host)
        return await self._first(session, f"/v1/event/{self.event.event_id}/stream?ticket={ticket}", None)

    async def _ticket(self, session: aiohttp.ClientSession, event: Event, who: Voter) -> str:
        url = f"/v1/event/{event.event_id}/stream/ticket"
        async with session.post(url, headers=who.headers) as answer:
            return str((await answer.json())["ticket"])

    async def _read(
        self, session: aiohttp.ClientSession, path: str, who: Voter | None, etag: str
    ) -> tuple[int, set[int]]:
        headers = {**(who.headers if who else {}), **({"If-None-Match": etag} if etag else {})}
        async with session.get(path, headers=headers) as answer:
            body = await answer.read()
            if answer.status == 304:
                body = self._bodies[path, answer.headers["ETag"]]
            elif "ETag" in answer.headers:
                self._bodies[path, answer.headers["ETag"]] = body
                assert ("Vary" in answer.headers) or "private" not in answer.headers["Cache-Control"]
            return answer.status, _numbers(body)

    async def _first(self, session: aiohttp.ClientSession, path: str, who: Voter | None) -> tuple[int, set[int]]:
        headers = who.headers if who else {}
        if "/ws" in path or "/results/stream/" in path:
            try:
                async with session.ws_connect(path, headers=headers) as socket:
                    return 200, _numbers((await socket.receive_str()).encode())
            except aiohttp.WSServerHandshakeError as error:
                return error.status, set()
        async with session.get(path, headers=headers) as answer:
            if answer.status != 200:
                return answer.status, _numbers(await answer.read())
            return 200, _numbers(await answer.content.readuntil(b"\n\n"))


def _numbers(body: bytes) -> set[int]:
    return {int(number) for number in (*NUMBERS.findall(body), *itertools.chain(*LINES.findall(body)))}


@contextlib.asynccontextmanager
async def watching(roads: Roads, who: Voter | None = None) -> AsyncIterator[AsyncIterator[Message]]:
    """An open stream, the public's or this person's."""
    async with (
        aiohttp.ClientSession(roads.sse.url) as session,
        session.get(f"/v1/event/{roads.event.event_id}/stream", headers=who.headers if who else {}) as response,
    ):
        yield messages(response)
