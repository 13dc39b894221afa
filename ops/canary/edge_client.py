"""What a canary asks of the edge, by the same calls as everybody's phone."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import aiohttp

from ops.canary.canary_file import Canary
from ops.rig.stream_messages import Message, messages

ANSWER_WITHIN_S = 10
CONNECT_WITHIN_S = 5
SILENT_S = 40  # a stream says something every 15 s, by its default


class Unavailable(Exception):
    """No definite answer: the connection broke, or the answer says to come again later."""


class RefusedError(Exception):
    """A definite no."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}".rstrip())
        self.status = status


class Renewed(NamedTuple):
    """A session that goes on: the canary with its next refresh token, and its access token."""

    canary: Canary
    token: str


class EdgeClient:
    """Calls of one edge; each raises `Unavailable` or `RefusedError`."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._etag = ""

    async def renew(self, canary: Canary) -> Renewed:
        """Renew its session."""
        content = await self._post("/v1/auth/refresh", {"refresh_token": canary.refresh_token}, {})
        return Renewed(Canary(canary.user_id, content["refresh_token"]), content["token"])

    async def vote(self, by: Renewed, event_id: str, contestant_id: str, traceparent: str) -> None:
        """Return when the vote is acked."""
        vote = {"user_id": by.canary.user_id, "event_id": event_id, "contestant_id": contestant_id}
        await self._post("/v1/vote/submit", vote, {**_bearer(by.token), "traceparent": traceparent})

    async def leaderboard(self, event_id: str, token: str) -> Mapping[str, int] | None:
        """The totals by contestant_id; None: as they were when they were last asked for."""
        headers = {**_bearer(token), "If-None-Match": self._etag}
        try:
            async with self._http.get(f"/v1/event/{event_id}/leaderboard", headers=headers) as answer:
                if answer.status == 304:
                    return None
                content = await _content(answer)
                self._etag = answer.headers.get("ETag", "")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(repr(error)) from error
        return totals_of(content)

    async def stream(self, event_id: str) -> AsyncIterator[Message]:
        """The events of the event's stream until it ends."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_WITHIN_S, sock_read=SILENT_S)
        headers = {"Accept": "text/event-stream"}
        try:
            async with self._http.get(f"/v1/event/{event_id}/stream", headers=headers, timeout=timeout) as answer:
                if answer.status != 200:
                    await _content(answer)
                async for message in messages(answer):
                    yield message
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unavailable(repr(error)) from error

    async def _post(self, path: str, body: Mapping[str, str], headers: Mapping[str, str]) -> Any:
        try:
            async with self._http.post(path, json=body, headers=headers) as answer:
                return await _content(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(repr(error)) from error


def totals_of(content: Mapping[str, Any]) -> dict[str, int]:
    """Votes by contestant_id, of a leaderboard or of a stream's standings."""
    return {each["contestant_id"]: each["total_votes"] for each in content["contestants"]}


def session(url: str) -> aiohttp.ClientSession:
    """The connections to an edge, to be closed by the caller."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S, sock_connect=CONNECT_WITHIN_S)
    return aiohttp.ClientSession(url, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def _content(answer: aiohttp.ClientResponse) -> Any:
    if answer.status == 200:
        try:
            return await answer.json()
        except ValueError as error:
            raise Unavailable("an answer that is no JSON") from error
    if answer.status == 429 or answer.status >= 500:
        raise Unavailable(f"{answer.status}")
    try:
        code = (await answer.json())["error"]["code"]
    except (aiohttp.ClientError, ValueError, TypeError, KeyError):
        code = ""
    raise RefusedError(answer.status, code)
