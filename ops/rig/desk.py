"""A host's calls to one command process, and what the log says of them."""

import json
from typing import Any

import aiohttp
import psycopg

from ops.rig.people import Voter

Content = dict[str, Any]


class Desk:
    """A host who asks about one event."""

    def __init__(self, session: aiohttp.ClientSession, host: Voter, event_id: str = "") -> None:
        self.session = session
        self.host = host
        self.event_id = event_id

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Content]:
        """Status and JSON, {} without a body; the path follows the event's."""
        url = f"/v1/event/{self.event_id}{path}"
        async with self.session.request(method, url, headers={**self.host.headers, **headers}, json=body) as answer:
            text = await answer.read()
            return answer.status, json.loads(text) if text else {}

    async def click(self, action: str, body: object = None) -> tuple[int, Content]:
        """A POST, twice: what is asked again is answered as before."""
        first = await self.ask("POST", f"/{action}", body)
        assert await self.ask("POST", f"/{action}", body) == first or first[0] >= 400
        return first

    async def create(self, **fields: object) -> Content:
        """Make an event, which is the desk's from now on."""
        body = {"user_id": self.host.user_id, "event_name": "Final", "contestants": [], "expected_votes": 1, **fields}
        async with self.session.post("/v1/event/create", json=body, headers=self.host.headers) as answer:
            made: Content = await answer.json()
            assert answer.status == 200, made
        self.event_id = made["event_id"]
        return made


def contestant(name: str) -> Content:
    """A contestant of whom only the name is known."""
    return {"contestant_name": name, "contestant_description": "", "contestant_image_url": ""}


def code_of(answered: tuple[int, Content]) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answered[0], answered[1]["error"]["code"]


def log_of(owner: psycopg.Connection, event_id: str) -> list[tuple[str, str, Any, Any]]:
    """Action, role, before and after of each entry."""
    return owner.execute(
        "SELECT action, role, before, after FROM audit_log WHERE event_id = %s AND actor IS NOT NULL"
        " AND trace_id IS NOT NULL ORDER BY audit_no",
        [event_id],
    ).fetchall()
