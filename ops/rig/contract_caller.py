"""A client of the declared calls, in every dialect: it checks that what it gets is what was declared."""

import uuid
from datetime import datetime
from typing import Any

import aiohttp
import msgspec

from contract import elections
from contract.elections import ElectionError
from contract.web.call import calls_of
from contract.web.dialect import ErrorDetails, Refusal
from ops.openapi import SERVICES

CALLS = [call for handlers in SERVICES.values() for each in handlers for call, _ in calls_of(each)]
ELECTION_IDS = ("userId", "electionId", "candidateId", "voteId")


def error_in(content: bytes, path: str) -> ElectionError | ErrorDetails:
    """The error of a refusal, in the shape of its path's dialect."""
    if path.startswith(elections.PREFIX):
        return msgspec.json.decode(content, type=ElectionError)
    return msgspec.json.decode(content, type=Refusal).error


class Caller:
    """Asks calls by their name, and checks that success is what was declared."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._calls = {call.name: call for call in CALLS}
        self.asked: set[str] = set()

    async def ask(
        self,
        name: str,
        /,
        token: str = "",
        body: object = None,
        status: int = 200,
        *,
        query: str = "",
        **parameters: str,
    ) -> Any:
        """The answer's JSON (None for other media types), after comparing all of it with its declaration."""
        call = self._calls[name]
        self.asked.add(name)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        path = call.path.format_map(parameters) + (f"?{query}" if query else "")
        async with self._session.request(
            call.method, path, json=body, headers=headers, allow_redirects=False
        ) as answer:
            content = await answer.read()
            assert answer.status == status, content
            declared = call.answers[status]
            if isinstance(declared, str):
                assert answer.content_type == declared
                return None
            if declared is None:
                assert not content
                return None
            assert answer.content_type == "application/json"
        assert msgspec.json.encode(msgspec.json.decode(content, type=declared)) == content
        decoded = msgspec.json.decode(content)
        _check_formats(decoded)
        return decoded

    async def ask_until(self, status: str, name: str, /, token: str = "", *, query: str = "", **parameters: str) -> Any:
        """Ask again while the answer's `status` is another: a reader may show what is two seconds old."""
        while (told := await self.ask(name, token, None, 200, query=query, **parameters))["status"] != status:
            pass
        return told


def _check_formats(content: Any, name: str = "") -> None:
    """Ids are UUIDs, moments RFC 3339 in UTC, wherever they stand."""
    if isinstance(content, dict):
        for field in content.keys() - {"before", "after"}:  # what the log keeps as it was
            _check_formats(content[field], field)
    elif isinstance(content, list):
        for value in content:
            _check_formats(value, name)
    elif isinstance(content, str) and (name in ELECTION_IDS or name.endswith("_id")) and name != "trace_id":
        assert str(uuid.UUID(content)) == content
    elif isinstance(content, str) and (name.endswith(("_at", "_updated", "At")) or name in ("at", "now", "as_of")):
        assert content.endswith("Z")
        datetime.fromisoformat(content)
