"""One vote from registration to the screen, through the edge and all real processes."""

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from ops.rig.eventually import PATIENCE_S
from ops.rig.running_stack import RunningStack

PASSWORD = "correct horse battery staple"


class Browser:
    """A client of the edge; remembers its token."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.token = ""
        self.user_id = ""

    async def post(self, path: str, body: object = None, *, token: str = "") -> tuple[int, Any]:
        """Status and JSON of a POST, with its own token unless another is given."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        async with self._session.post(path, json=body or {}, headers=headers) as response:
            return response.status, await response.json()

    async def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of a GET with its token."""
        async with self._session.get(path, headers={"Authorization": f"Bearer {self.token}"}) as response:
            return response.status, await response.json()

    async def log_in(self, username: str, password: str) -> None:
        """Log in and remember who it is."""
        status, login = await self.post("/v1/auth/login", {"username": username, "password": password})
        assert status == 200, login
        self.token, self.user_id = login["token"], login["userId"]

    async def stream(self, event_id: str) -> AsyncIterator[tuple[str, Any]]:
        """The events of a stream with their data, until it ends."""
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        async with self._session.get(f"/v1/event/{event_id}/stream", timeout=timeout) as response:
            assert response.status == 200
            name = ""
            async for line in response.content:
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    yield name, json.loads(value)


@pytest.fixture
async def session(stack: RunningStack) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(stack.demo["edge_url"]) as opened:
        yield opened


async def new_viewer(stack: RunningStack, session: aiohttp.ClientSession) -> Browser:
    """Register with the application's token and log in."""
    viewer, name = Browser(session), f"viewer-{uuid.uuid4().hex[:12]}"
    account = {"username": name, "email": f"{name}@example.org", "date_of_birth": "1990-02-03", "password": PASSWORD}
    status, registered = await viewer.post("/v1/auth/register", account, token=stack.demo["client_token"])
    assert status == 201, registered
    await viewer.log_in(name, PASSWORD)
    assert viewer.user_id == registered["user_id"]
    return viewer


async def new_event(admin: Browser) -> tuple[str, list[str]]:
    """A draft event; its id and its contestants' ids."""
    contestants = [
        {"contestant_name": name, "contestant_description": "sings", "contestant_image_url": "https://i.invalid/x.webp"}
        for name in ("Ada", "Ben")
    ]
    wanted = {"user_id": admin.user_id, "event_name": "The journey", "contestants": contestants}
    status, event = await admin.post("/v1/event/create", wanted)
    assert status == 200, event
    assert [each["contestant_name"] for each in event["contestants"]] == ["Ada", "Ben"]
    return event["event_id"], [each["contestant_id"] for each in event["contestants"]]


async def until_total(stream: AsyncIterator[tuple[str, Any]], total: int) -> Any:
    """The first standings with so many votes; totals never fall on the way there."""
    seen = 0
    async for _, standings in stream:
        assert standings["total_votes"] >= seen
        seen = standings["total_votes"]
        if seen == total:
            return standings
    raise AssertionError(f"the stream ended at {seen} votes")


async def test_a_vote_travels_from_http_to_the_browser(stack: RunningStack, session: aiohttp.ClientSession) -> None:
    """Register, log in, create, open, vote: the stream, the leaderboard and the ledger have it; after close none."""
    admin, viewer, late = Browser(session), await new_viewer(stack, session), await new_viewer(stack, session)
    await admin.log_in(**stack.demo["admin"])
    status, who = await viewer.get("/v1/auth/validate")
    assert (status, who["user_id"], who["roles"]) == (200, viewer.user_id, ["viewer"])

    event_id, (ada, ben) = await new_event(admin)
    vote = {"user_id": viewer.user_id, "event_id": event_id, "contestant_id": ben}
    status, early = await viewer.post("/v1/vote/submit", vote)
    assert (status, early["error"]["code"], early["vote_status"]) == (409, "event_not_open", "rejected")
    assert (await admin.post(f"/v1/event/{event_id}/open"))[0] == 200

    stream = viewer.stream(event_id)
    await until_total(stream, 0)
    status, ack = await viewer.post("/v1/vote/submit", vote)
    assert (status, ack["vote_status"]) == (200, "acked")
    standings = await until_total(stream, 1)
    assert {each["contestant_id"]: each["total_votes"] for each in standings["contestants"]} == {ada: 0, ben: 1}
    status, board = await viewer.get(f"/v1/event/{event_id}/leaderboard")
    assert (status, board["stale"]) == (200, False)
    assert [(each["contestant_id"], each["total_votes"]) for each in board["contestants"]] == [(ben, 1), (ada, 0)]
    assert stack.votes_in_ledger(event_id) == 1

    assert await viewer.post("/v1/vote/submit", vote) == (200, ack)
    status, conflict = await viewer.post("/v1/vote/submit", {**vote, "contestant_id": ada})
    assert (status, conflict["error"]["code"], conflict["vote_status"]) == (409, "already_voted", "duplicate")
    status, state = await viewer.get(f"/v1/vote/{ack['vote_id']}/status")
    assert (status, state["vote_status"], state["event_id"]) == (200, "processed", event_id)

    status, closed = await admin.post(f"/v1/event/{event_id}/close")
    assert (status, closed["status"]) == (200, "closed")
    assert await admin.post(f"/v1/event/{event_id}/close") == (200, closed)
    assert (await admin.post(f"/v1/event/{event_id}/open"))[0] == 409
    status, refused = await late.post("/v1/vote/submit", {**vote, "user_id": late.user_id})
    assert (status, refused["error"]["code"]) == (409, "event_not_open")
    assert await viewer.post("/v1/vote/submit", vote) == (200, ack)
    assert [(name, last["total_votes"], last["status"]) async for name, last in stream] == [("closed", 1, "closed")]
    assert stack.votes_in_ledger(event_id) == 1


async def test_viewers_run_no_events_and_see_no_others_votes(
    stack: RunningStack, session: aiohttp.ClientSession
) -> None:
    """A viewer can't create, open or close; somebody else's receipt is 404; what isn't a call is 404 or 405."""
    admin, viewer, other = Browser(session), await new_viewer(stack, session), await new_viewer(stack, session)
    await admin.log_in(**stack.demo["admin"])
    event_id, (ada, _) = await new_event(admin)
    assert (await viewer.post("/v1/event/create", {}))[0] == 403
    assert (await viewer.post(f"/v1/event/{event_id}/open"))[0] == 403
    await admin.post(f"/v1/event/{event_id}/open")
    _, ack = await viewer.post(
        "/v1/vote/submit", {"user_id": viewer.user_id, "event_id": event_id, "contestant_id": ada}
    )
    assert (await other.get(f"/v1/vote/{ack['vote_id']}/status"))[0] == 404
    assert (await admin.get(f"/v1/vote/{ack['vote_id']}/status"))[0] == 200
    for method in ("POST", "DELETE"):
        async with session.request(method, f"/v1/event/{event_id}/results") as answer:
            assert answer.status == 405
    for path, status in (("/metrics", 404), ("/ready", 404), ("/v1/nothing", 404), ("/v1/vote/submit", 405)):
        found, body = await viewer.get(path)
        assert (found, set(body)) == (status, {"error"}), path


async def test_a_websocket_goes_through_the_edge(session: aiohttp.ClientSession, stack: RunningStack) -> None:
    """The demo event's standings arrive by WebSocket; a plain request to that address is told so."""
    path = f"/v1/event/{stack.demo['event_id']}/ws"
    async with session.ws_connect(path) as socket:
        assert (await socket.receive_json())["event_id"] == stack.demo["event_id"]
    async with session.get(path) as response:
        assert response.status == 400
