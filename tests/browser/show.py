"""A show through the edge, as its host and its audience run it: each call is one that the contract documents."""

import asyncio
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from typing import Any

import aiohttp

from ops.audience import Audience, Member
from ops.rig.event import Event
from ops.rig.eventually import PATIENCE_S

VOTES_A_SECOND = 10_000  # as many at once as there are connections


class Show:
    """One event of the demo's admin, open from the start."""

    def __init__(
        self,
        demo: dict[str, Any],
        name: str,
        contestants: list[str],
        photos: Sequence[str] = (),
        *,
        captcha: bool = False,
    ) -> None:
        self._demo = demo
        self._host = self._login(demo["admin"]["username"], demo["admin"]["password"])
        given = [
            {"contestant_name": each, "contestant_description": "", "contestant_image_url": photo}
            for each, photo in zip_longest(contestants, photos, fillvalue="")
        ]
        event = {"user_id": self._host["userId"], "event_name": name, "contestants": given, "captcha": captcha}
        made = self._call("/v1/event/create", event, self._host["token"])
        self.event_id = made["event_id"]
        self.contestants = [each["contestant_id"] for each in made["contestants"]]
        self._call(f"/v1/event/{self.event_id}/open", {}, self._host["token"])

    @classmethod
    def made_elsewhere(cls, demo: dict[str, Any], event_id: str, contestants: list[str]) -> "Show":
        """An event that somebody else has made, by its contestants' ids; for its audience."""
        show = cls.__new__(cls)
        show._demo, show.event_id, show.contestants = demo, event_id, contestants
        return show

    @property
    def page(self) -> str:
        """Where its live page is."""
        return f"{self._demo['edge_url']}/live/{self.event_id}"

    @property
    def vote_page(self) -> str:
        """Where people vote."""
        return f"{self._demo['edge_url']}/vote/{self.event_id}"

    def vote(self, contestant: int) -> None:
        """Someone new registers, logs in and votes; returns when the vote is acked."""
        person = self.register()
        session = self._login(person["username"], person["password"])
        vote = {
            "user_id": session["userId"],
            "event_id": self.event_id,
            "contestant_id": self.contestants[contestant],
        }
        self._call("/v1/vote/submit", vote, session["token"])

    def vote_all(self, people: list[Member]) -> int:
        """All of these vote at once; how many votes were acked."""
        with ThreadPoolExecutor(1) as elsewhere:  # Playwright's event loop is in this thread
            return elsewhere.submit(asyncio.run, self._vote_all(people)).result()

    async def _vote_all(self, people: list[Member]) -> int:
        async with aiohttp.ClientSession(self._demo["edge_url"]) as http:
            audience = Audience(http, Event(0, self.event_id, self.contestants))
            await audience.vote_all(people, rate=VOTES_A_SECOND)
        return len(audience.outcome.ack_seconds)

    def register(self) -> dict[str, str]:
        """Someone new registers; what they gave."""
        name = f"viewer-{secrets.token_hex(6)}"
        person = {
            "username": name,
            "email": f"{name}@example.org",
            "date_of_birth": "1990-01-01",
            "password": secrets.token_urlsafe(12),
        }
        self._call("/v1/auth/register", person, self._demo["client_token"])
        return person

    def close(self) -> None:
        """No more votes."""
        self.click("close")

    def click(self, action: str, **content: object) -> None:
        """What a host does with an event."""
        self._call(f"/v1/event/{self.event_id}/{action}", content, self._host["token"])

    def edit(self, **fields: object) -> None:
        """What a host changes of an event."""
        self._call(f"/v1/event/{self.event_id}", fields, self._host["token"], "PATCH")

    def _login(self, username: str, password: str) -> dict[str, Any]:
        return self._call("/v1/auth/login", {"username": username, "password": password})

    def _call(self, path: str, body: dict[str, Any], token: str = "", method: str = "POST") -> dict[str, Any]:
        """Ask, again while the answer is 503, as the contract says."""
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        url, data = self._demo["edge_url"] + path, json.dumps(body).encode()
        deadline = time.monotonic() + PATIENCE_S
        while True:
            request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310  # our own edge
            try:
                with urllib.request.urlopen(request) as answer:  # noqa: S310  # our own edge
                    content: dict[str, Any] = json.load(answer)
                    return content
            except urllib.error.HTTPError as error:
                with error:
                    if error.code != 503 or time.monotonic() > deadline:
                        raise AssertionError(f"{path}: {error.code} {error.read().decode()}") from error
