"""A whole election by clients that speak of elections, behind the edge; the same event reads alike in both dialects."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import connect

from contract import elections
from ops.embedded.demo_event import operator
from ops.rig.contract_caller import CALLS, Caller
from ops.rig.generated_client import GeneratedClient
from ops.rig.running_stack import RunningStack
from ops.rig.stream_messages import messages

PASSWORD = "correct horse battery staple"
NOT_LOOKED_AT = "no election here asks for a captcha"
VOTERS, AT_ONCE = 200, 20


@pytest.fixture
async def session(stack: RunningStack) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(stack.demo["edge_url"]) as opened:
        yield opened


@pytest.fixture
def caller(session: aiohttp.ClientSession) -> Caller:
    return Caller(session)


async def sign_in(caller: Caller, stack: RunningStack) -> dict[str, Any]:
    """A new person, and their session."""
    name = f"voter-{uuid.uuid4().hex[:12]}"
    account = {"username": name, "email": f"{name}@example.org", "dateOfBirth": "1990-02-03", "password": PASSWORD}
    person = await caller.ask("election_register", stack.demo["client_token"], account, 201)
    login: dict[str, Any] = await caller.ask("election_login", body={"username": name, "password": PASSWORD})
    assert login["userId"] == person["userId"]
    return login


async def refused(session: aiohttp.ClientSession, method: str, path: str, token: str, body: object) -> tuple[int, str]:
    """Status and code of a refusal, whose trace id is the header's, spelled as a UUID."""
    headers = {"Authorization": f"Bearer {token}"}
    async with session.request(method, path, json=body, headers=headers) as answer:
        content = await answer.json()
        assert set(content) == {"code", "message", "traceId"}
        assert uuid.UUID(content["traceId"]).hex == answer.headers["X-Trace-Id"]
        assert "event" not in content["message"]
        return answer.status, content["code"]


async def prepare(caller: Caller, session: aiohttp.ClientSession, admin: str) -> dict[str, Any]:
    """An election with two candidates, after everything that can be changed of it was changed."""
    starts = datetime.now(UTC) + timedelta(days=1)
    new = {"title": "Mayor", "description": "", "startDate": starts.isoformat(),
           "endDate": (starts + timedelta(days=1)).isoformat()}  # fmt: skip
    made = await caller.ask("election_create", admin, new, 201)
    assert (made["status"], made["candidates"]) == ("SCHEDULED", [])
    where = {"electionId": made["id"]}
    path = f"/api/v1/admin/elections/{made['id']}"
    assert await refused(session, "PATCH", f"{path}/status", admin, {"status": "ACTIVE"}) == (400, "INVALID_STATUS")
    late = {"startDate": (starts + timedelta(days=2)).isoformat()}
    assert await refused(session, "PUT", path, admin, late) == (400, "INVALID_REQUEST")

    ada = await caller.ask("candidate_add", admin, {"name": "Ada", "party": "", "photoUrl": ""}, 201, **where)
    bea = await caller.ask("candidate_add", admin, {"name": "Bea", "party": "Green"}, 201, **where)
    eve = await caller.ask("candidate_add", admin, {"name": "Eve", "party": "Red"}, 201, **where)
    ada = await caller.ask(
        "candidate_edit",
        admin,
        {"party": "Blue", "photoUrl": "https://a.example/a.png"},
        **where,
        candidateId=ada["id"],
    )
    assert (ada["name"], ada["party"]) == ("Ada", "Blue")
    same = await caller.ask("candidate_edit", admin, {"name": "Bea"}, **where, candidateId=bea["id"])
    assert same == bea
    await caller.ask("candidate_remove", admin, None, 204, **where, candidateId=eve["id"])
    edited = await caller.ask("election_edit", admin, {"title": "Mayor 2026"}, **where)
    assert (edited["title"], edited["candidates"]) == ("Mayor 2026", [ada, bea])
    assert edited["createdAt"] == made["createdAt"] < ada["createdAt"] < edited["updatedAt"]
    return dict(edited)


async def agree(caller: Caller, election: dict[str, Any], admin: str, viewer: str, user_id: str) -> None:
    """What both dialects say of one event that is over is the same, field by field, each field of either among them."""
    event_id = election["id"]
    of_event, of_election = {"event_id": event_id}, {"electionId": event_id}
    theirs = await caller.ask_until("CLOSED", "election_results", **of_election)
    ours = await caller.ask_until("closed", "results", query="include_percentages=true", **of_event)
    assert theirs.pop("generatedAt") <= ours.pop("generated_at")
    totals = [total_of(row) for row in ours["totals"]]
    assert theirs == {
        "electionId": ours["event_id"],
        "electionTitle": ours["event_title"],
        "status": elections.status_word(ours["status"]),
        "totals": totals,
        "totalVotes": ours["total_votes"],
        "stale": ours["stale"],
        "frozen": ours["frozen"],
    }
    live, count = await caller.ask("election_live", **of_election), await caller.ask("live_count", **of_event)
    assert live == {
        "electionId": count["event_id"],
        "currentVotes": count["current_votes"],
        "lastUpdated": count["last_updated"],
        "stale": count["stale"],
        "frozen": count["frozen"],
    }
    figures = await figures_of(caller, event_id, admin)
    counted = figures["counted"]
    asked = "includeHourly=true&includeRegional=true"
    told = await caller.ask("election_statistics", admin, query=asked, **of_election)
    del told["generatedAt"]
    assert told == {
        "electionId": event_id,
        "totalVotes": figures["total_votes"],
        "totalEligibleVoters": figures["eligible_voters"] or 0,
        "turnoutPercentage": figures["turnout_percentage"] or 0.0,
        "candidateStats": totals,
        "peakVotingTime": max(counted["hourly"], key=lambda each: each["votes"])["hour"],
        "votesPerHour": [{"hour": each["hour"], "count": each["votes"]} for each in counted["hourly"]],
        "regionalBreakdown": [region_of(each) for each in counted["regional"]],
    }
    assert counted["votes"] == sum(each["votes"] for each in counted["regional"]) == theirs["totalVotes"]
    details = await caller.ask_until("closed", "event", admin, **of_event)
    assert (details["event_name"], details["event_description"], details["opens_at"], details["closes_at"]) == (
        election["title"], election["description"], election["startDate"], election["endDate"]
    )  # fmt: skip
    names = {"contestant_id": "id", "contestant_name": "name", "contestant_image_url": "photoUrl", "party": "party"}
    assert [{each: row[each] or "" for each in names} for row in details["contestants"]] == [
        {each: row.get(name, "") for each, name in names.items()} for row in election["candidates"]
    ]
    assert elections.status_word(details["status"]) == election["status"] == theirs["status"]
    status = await caller.ask("election_vote_status", viewer, **of_election, userId=user_id)
    cast = await caller.ask("user_vote", viewer, **of_event, user_id=user_id)
    assert status == {
        "electionId": cast["event_id"],
        "userId": cast["user_id"],
        "hasVoted": cast["has_voted"],
        "voteId": cast["vote_id"],
        "timestamp": cast["voted_at"],
    }


async def figures_of(caller: Caller, event_id: str, admin: str) -> dict[str, Any]:
    """What is counted of an event, once it is; the test's own time limit ends it."""
    asked = "include_hourly=true&include_regional=true"
    figures: dict[str, Any] = {"counted": None}
    while figures["counted"] is None:
        figures = (await caller.ask("statistics", admin, query=asked, event_id=event_id))["statistics"]
    return figures


def total_of(row: dict[str, Any]) -> dict[str, Any]:
    """A contestant's result in the words of elections."""
    party = {"party": row["party"]} if row["party"] else {}
    return {"candidateId": row["contestant_id"], "name": row["name"], "votes": row["votes"], **party,
            "percentage": row["percentage"]}  # fmt: skip


def region_of(row: dict[str, Any]) -> dict[str, Any]:
    """A region's votes in the words of elections."""
    chosen = [{"candidateId": each["contestant_id"], "votes": each["votes"]} for each in row.get("contestants", [])]
    return {"region": row["region"], "totalVotes": row["votes"], **({"candidates": chosen} if chosen else {})}


async def vote(caller: Caller, session: aiohttp.ClientSession, election: dict[str, Any], viewer: dict[str, Any]) -> str:
    """Cast a viewer's vote and, after it, all that isn't one; its voteId."""
    (ada, bea), token = [each["id"] for each in election["candidates"]], viewer["token"]
    ballot = {"electionId": election["id"], "candidateId": ada, "captchaToken": NOT_LOOKED_AT}
    cast = await caller.ask("election_vote", token, {**ballot, "userId": viewer["userId"]})
    assert await caller.ask("election_vote", token, ballot) == cast
    for change, refusal in (
        ({"candidateId": bea}, (409, "DUPLICATE_VOTE")),
        ({"candidateId": str(uuid.uuid4())}, (400, "INVALID_REQUEST")),
        ({"electionId": str(uuid.uuid4())}, (400, "INVALID_REQUEST")),
        ({"captchaToken": "short"}, (400, "INVALID_REQUEST")),
        ({"userId": str(uuid.uuid4())}, (403, "NOT_YOURS")),
    ):
        assert await refused(session, "POST", "/api/v1/votes", token, {**ballot, **change}) == refusal
    asked = {"electionId": election["id"], "userId": viewer["userId"]}
    assert (await caller.ask("election_vote_status_of_user", token, query=f"electionId={election['id']}", **asked))[
        "voteId"
    ] == cast["voteId"]
    path = f"/api/v1/votes/status/{viewer['userId']}"
    assert await refused(session, "GET", path, token, None) == (400, "INVALID_REQUEST")
    return str(cast["voteId"])


async def close(caller: Caller, session: aiohttp.ClientSession, election_id: str, admin: str) -> dict[str, Any]:
    """The election after its close, and after all that staff can't do while it is open."""
    path = f"/api/v1/admin/elections/{election_id}"
    assert await refused(session, "PUT", path, admin, {"title": "Later"}) == (400, "INVALID_STATUS")
    await caller.ask("event_pause", admin, event_id=election_id)
    resumed = await caller.ask("election_status", admin, {"status": "ACTIVE"}, electionId=election_id)
    assert resumed["status"] == "ACTIVE"
    closed: dict[str, Any] = await caller.ask("election_status", admin, {"status": "CLOSED"}, electionId=election_id)
    assert closed["status"] == "CLOSED"
    return closed


async def find(caller: Caller, session: aiohttp.ClientSession, election: dict[str, Any], admin: str) -> None:
    """The newest election is the first of its page."""
    page = await caller.ask("elections", admin)
    assert page["content"][0] == election
    assert (page["page"], page["size"], page["totalPages"]) == (0, 20, -(-page["totalElements"] // 20))
    for query in ("size=0", "page=-1", "status=open"):
        path = f"/api/v1/admin/elections?{query}"
        assert await refused(session, "GET", path, admin, None) == (400, "INVALID_REQUEST")


async def test_a_whole_election(stack: RunningStack, session: aiohttp.ClientSession, caller: Caller) -> None:
    """From its making to its statistics, every call answers as declared, and as the other dialect does."""
    admin = (await caller.ask("election_login", body=stack.demo["admin"]))["token"]
    election = await prepare(caller, session, admin)
    where, viewer = {"electionId": election["id"]}, await sign_in(caller, stack)
    viewer = await caller.ask("election_refresh", body={"refreshToken": viewer["refreshToken"]})
    assert (await caller.ask("election_validate", viewer["token"]))["userId"] == viewer["userId"]

    opened = await caller.ask("election_status", admin, {"status": "ACTIVE"}, **where)
    assert opened["status"] == "ACTIVE"
    before = await caller.ask("election_vote_status", viewer["token"], **where, userId=viewer["userId"])
    assert (before["hasVoted"], "voteId" in before) == (False, False)
    async with session.ws_connect(f"/api/v1/results/stream/{election['id']}?token={viewer['token']}") as socket:
        assert (await socket.receive_json())["totalVotes"] == 0
        await vote(caller, session, election, viewer)
        while (heard := await socket.receive_json())["type"] != "VOTE_UPDATE":
            pass
        assert (heard["totalVotes"], [each["delta"] for each in heard["candidates"]]) == (1, [1, 0])
        closed = await close(caller, session, election["id"], admin)
        last: dict[str, Any] = {}
        while (message := await socket.receive()).type == aiohttp.WSMsgType.TEXT:
            last = message.json()
        assert (last["type"], last["newStatus"], message.data) == ("STATUS_CHANGE", "CLOSED", 1000)

    async with session.get(f"/v1/event/{election['id']}/stream") as events:
        assert (await anext(messages(events))).data["type"] == "closed"
    await agree(caller, closed, admin, viewer["token"], viewer["userId"])
    await find(caller, session, closed, admin)
    doomed = await prepare(caller, session, admin)
    await caller.ask("election_cancel", admin, None, 204, electionId=doomed["id"])
    await caller.ask("election_logout", viewer["token"], status=204)
    own = {call.name for call in CALLS if call.path.startswith(elections.PREFIX)}
    assert own - caller.asked == {"election_stream"}, "which has no answer, but is heard above"


async def test_a_generated_client_runs_an_election(stack: RunningStack, caller: Caller, tmp_path: Path) -> None:
    """A client made of our document, and a library's WebSocket: from its making to 200 votes and their figures."""
    client = GeneratedClient(tmp_path, stack.demo["edge_url"])
    admin = (await client.ask("election_login", body=stack.demo["admin"]))["token"]
    starts = datetime.now(UTC) + timedelta(days=1)
    new = {"title": "Council", "description": "One seat", "startDate": starts.isoformat(),
           "endDate": (starts + timedelta(days=1)).isoformat()}  # fmt: skip
    where = {"election_id": (await client.ask("election_create", admin, new, 201))["id"]}
    bea = {"name": "Bea", "party": "", "photoUrl": "https://a.example/b.png"}
    for candidate in ({"name": "Ada", "party": "Blue"}, bea):
        await client.ask("candidate_add", admin, candidate, 201, **where)
    opened = await client.ask("election_status", admin, {"status": "ACTIVE"}, **where)
    ids = [each["id"] for each in opened["candidates"]]
    made = operator(stack.folder.root, ["voters", "--count", str(VOTERS)]).splitlines()
    voters = [json.loads(line) for line in made]

    async def vote(number: int) -> None:
        ballot = {"electionId": opened["id"], "candidateId": ids[number % 4 == 0], "captchaToken": NOT_LOOKED_AT}
        assert (await client.ask("election_vote", voters[number]["token"], ballot))["status"] == "accepted"

    url = stack.demo["edge_url"].replace("http", "ws", 1)
    async with connect(f"{url}/api/v1/results/stream/{opened['id']}?token={voters[0]['token']}") as stream:
        heard = json.loads(await stream.recv())
        assert heard["totalVotes"] == 0
        for first in range(0, VOTERS, AT_ONCE):
            await asyncio.gather(*map(vote, range(first, first + AT_ONCE)))
        deltas = 0
        while heard.get("totalVotes") != VOTERS:
            heard = json.loads(await stream.recv())
            deltas += sum(each["delta"] for each in heard.get("candidates", []))
        assert {each["candidateId"]: each["votes"] for each in heard["candidates"]} == {ids[0]: 150, ids[1]: 50}
        assert deltas == VOTERS
        closed = await client.ask("election_status", admin, {"status": "CLOSED"}, **where)
        async for message in stream:
            heard = json.loads(message)
        assert (heard["type"], heard["newStatus"], stream.close_code) == ("STATUS_CHANGE", "CLOSED", 1000)
    results = await client.ask("election_results", **where)
    assert [(each["candidateId"], each["votes"], each["percentage"]) for each in results["totals"]] == [
        (ids[0], 150, 75.0), (ids[1], 50, 25.0)
    ]  # fmt: skip
    await figures_of(caller, opened["id"], admin)
    told = await client.ask("election_statistics", admin, **where, include_hourly=True, include_regional=True)
    chosen = [{"candidateId": ids[0], "votes": 150}, {"candidateId": ids[1], "votes": 50}]
    assert told["regionalBreakdown"] == [{"region": "--", "totalVotes": VOTERS, "candidates": chosen}]
    await agree(caller, closed, admin, voters[1]["token"], voters[1]["user_id"])
