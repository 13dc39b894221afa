"""The reads of results, on a real query process, a real Postgres and a real Valkey."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.people import TokenMint, Voter
from ops.rig.service import Service, read_process
from ops.rig.tallies import Tallies
from ops.rig.valkey import RunningValkey

PAGES = Path(__file__).parent.parent.parent / "query" / "pages"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def query(tmp_path: Path, database: Database, redis_url: str, mint: TokenMint) -> Iterator[Service]:
    with read_process("query.reads", tmp_path, database.url("vote_query"), redis_url, mint) as process:
        yield process


@pytest.fixture
def viewer(mint: TokenMint) -> Voter:
    return mint.voter()


Answer = tuple[int, Any, Mapping[str, str]]


async def get(process: Service, path: str, headers: dict[str, str] | None = None) -> Answer:
    async with aiohttp.ClientSession(process.url) as session, session.get(path, headers=headers) as response:
        body = await response.json() if response.content_type == "application/json" else await response.text()
        return response.status, body, response.headers


async def get_until(process: Service, path: str, headers: dict[str, str] | None = None, **fields: object) -> Any:
    """Ask again until the answer has these fields; the test's own time limit ends it."""
    while True:
        status, body, _ = await get(process, path, headers)
        if status == 200 and fields.items() <= body.items():
            return body


def checkpoint(owner: psycopg.Connection, event: Event, *votes: int, lsn: str = "0/50") -> None:
    """What fanout keeps in Postgres."""
    owner.execute("INSERT INTO fanout_checkpoint VALUES ('main', 1, 7, 1, %s)", [lsn])
    for number, count in enumerate(votes, 1):
        owner.execute("INSERT INTO tallies VALUES (%s, %s, %s)", [event.event_no, number, count])


async def test_leaderboard_lists_all_contestants_most_votes_first(
    query: Service, owner: psycopg.Connection, redis_url: str, viewer: Voter
) -> None:
    """Every contestant is there, also one without a vote, in the order of votes."""
    event = make_event(owner, contestants=3)
    Tallies(redis_url).write(event, {2: 5, 3: 7})
    status, body, headers = await get(query, f"/v1/event/{event.event_id}/leaderboard", viewer.headers)
    assert (status, headers["Cache-Control"]) == (200, "public, max-age=1")
    first, second, third = event.contestants
    assert body == {
        "event_id": event.event_id,
        "event_name": "Final",
        "contestants": [
            {"contestant_id": third, "contestant_name": "C3", "total_votes": 7},
            {"contestant_id": second, "contestant_name": "C2", "total_votes": 5},
            {"contestant_id": first, "contestant_name": "C1", "total_votes": 0},
        ],
        "stale": False,
        "frozen": False,
    }


async def test_etag_saves_a_client_what_it_has(
    query: Service, owner: psycopg.Connection, redis_url: str, viewer: Voter
) -> None:
    """If-None-Match is answered 304 until a number changes, then with the new numbers."""
    event, tallies = make_event(owner), Tallies(redis_url)
    tallies.write(event, {1: 1})
    path = f"/v1/event/{event.event_id}/leaderboard"
    _, _, headers = await get(query, path, viewer.headers)
    known = {**viewer.headers, "If-None-Match": f'"other", {headers["ETag"]}'}
    status, _, again = await get(query, path, known)
    assert (status, again["ETag"]) == (304, headers["ETag"])
    tallies.write(event, {1: 2}, lsn=101)
    while True:
        status, body, _ = await get(query, path, known)
        if status == 200:
            break
    assert body["contestants"][0]["total_votes"] == 2


@pytest.mark.parametrize("path", ["/v1/event/{}/leaderboard", "/v1/contestants/{}", "/v1/vote/{}/status"])
async def test_reads_that_are_not_public_need_a_token(query: Service, path: str) -> None:
    """Without a Bearer the answer is 401, in the one error shape, and says what kind of authentication is asked for."""
    status, body, headers = await get(query, path.format(UNKNOWN))
    assert (status, body["error"]["code"]) == (401, "unauthorized")
    assert headers["WWW-Authenticate"].startswith("Bearer")
    assert body["error"]["trace_id"] == headers["X-Trace-Id"]


@pytest.mark.parametrize("path", ["/v1/event/{}/leaderboard", "/v1/event/{}/results", "/v1/contestants/{}"])
async def test_malformed_and_unknown_events_are_told_apart(query: Service, viewer: Voter, path: str) -> None:
    """What is no UUID is 400 and names the field; a UUID of nothing is 404."""
    status, body, _ = await get(query, path.format("nonsense"), viewer.headers)
    assert (status, body["error"]["code"], body["error"]["field"]) == (400, "invalid_field", "event_id")
    status, body, _ = await get(query, path.format(UNKNOWN), viewer.headers)
    assert (status, body["error"]["code"]) == (404, "not_found")


async def test_results_are_public_and_percentages_add_up(
    query: Service, owner: psycopg.Connection, redis_url: str
) -> None:
    """Thirds are 33.34, 33.33 and 33.33; without asking there are no percentages."""
    event = make_event(owner, contestants=3)
    Tallies(redis_url).write(event, {1: 1, 2: 1, 3: 1})
    path = f"/v1/event/{event.event_id}/results"
    status, body, _ = await get(query, f"{path}?include_percentages=true")
    assert status == 200
    assert [row["percentage"] for row in body["totals"]] == [33.34, 33.33, 33.33]
    assert (body["event_title"], body["status"], body["total_votes"], body["stale"]) == ("Final", "open", 3, False)
    assert body["generated_at"].endswith("Z")
    _, body, _ = await get(query, path)
    assert body["totals"][0] == {"contestant_id": event.contestants[0], "name": "C1", "party": None, "votes": 1}
    status, body, _ = await get(query, f"{path}?include_percentages=perhaps")
    assert (status, body["error"]["field"]) == (400, "include_percentages")


async def test_contestants_come_in_the_hosts_order(query: Service, owner: psycopg.Connection, viewer: Voter) -> None:
    """The list has ids, names and images, in the order in which they were given."""
    event = make_event(owner, contestants=2)
    status, body, _ = await get(query, f"/v1/contestants/{event.event_id}", viewer.headers)
    rows = [
        {"contestant_id": contestant_id, "contestant_name": f"C{number}", "contestant_image_url": ""}
        for number, contestant_id in enumerate(event.contestants, 1)
    ]
    assert (status, body) == (200, {"event_id": event.event_id, "contestants": rows})


async def test_checkpoint_is_shown_stale_when_redis_knows_nothing(query: Service, owner: psycopg.Connection) -> None:
    """With an empty Redis the numbers are those of the checkpoint, and marked."""
    event = make_event(owner)
    checkpoint(owner, event, 3, 4)
    status, body, _ = await get(query, f"/v1/event/{event.event_id}/results")
    assert (status, body["stale"], body["total_votes"]) == (200, True, 7)


async def test_event_without_any_count_shows_zeros_stale(query: Service, owner: psycopg.Connection) -> None:
    """Before fanout has ever counted, the answer is zero and marked, not an error."""
    event = make_event(owner)
    status, body, _ = await get(query, f"/v1/event/{event.event_id}/results?include_percentages=true")
    assert (status, body["stale"], body["total_votes"]) == (200, True, 0)
    assert [row["percentage"] for row in body["totals"]] == [0, 0]


async def test_silent_listener_makes_stale(query: Service, owner: psycopg.Connection, redis_url: str) -> None:
    """Numbers that nobody has confirmed for seconds are marked, and are fresh again once somebody does."""
    event, tallies = make_event(owner), Tallies(redis_url)
    tallies.write(event, {1: 1})
    tallies.applied(100, age_s=10)
    path = f"/v1/event/{event.event_id}/results"
    _, body, _ = await get(query, path)
    assert (body["stale"], body["total_votes"]) == (True, 1)
    tallies.applied(100)
    await get_until(query, path, stale=False)


async def test_numbers_do_not_fall_when_redis_dies_and_returns_old(
    query: Service, owner: psycopg.Connection, redis_server: RunningValkey, redis_url: str
) -> None:
    """While Redis is away, empty or older than what was shown, the last numbers stay, marked; new ones are fresh."""
    event = make_event(owner)
    checkpoint(owner, event, 1)
    Tallies(redis_url).write(event, {1: 5}, lsn=200)
    path = f"/v1/event/{event.event_id}/results"
    await get_until(query, path, stale=False, total_votes=5)
    redis_server.process.kill()
    try:
        body = await get_until(query, path, stale=True)
        assert body["total_votes"] == 5
    finally:
        redis_server.process.start()
    Tallies(redis_url).write(event, {1: 4}, lsn=150)
    _, body, _ = await get(query, path)
    assert (body["stale"], body["total_votes"]) == (True, 5)
    Tallies(redis_url).write(event, {1: 6}, lsn=250)
    await get_until(query, path, stale=False, total_votes=6)


async def test_sources_are_added_up_and_a_missing_one_makes_stale(
    tmp_path: Path, database: Database, redis_url: str, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """The total is the sum over all sources; until each has written, it is marked."""
    event = make_event(owner)
    path = f"/v1/event/{event.event_id}/results"
    with read_process(
        "query.reads", tmp_path, database.url("vote_query"), redis_url, mint, SOURCES="main,second"
    ) as process:
        Tallies(redis_url).write(event, {1: 1}, lsn=10)
        await get_until(process, path, stale=True, total_votes=1)
        Tallies(redis_url, "second").write(event, {1: 2, 2: 3}, lsn=5)
        await get_until(process, path, stale=False, total_votes=6)


@pytest.mark.parametrize("visibility", ["after_close", "staff"])
async def test_restricted_results_are_for_staff(
    query: Service, owner: psycopg.Connection, mint: TokenMint, viewer: Voter, visibility: str
) -> None:
    """A viewer, known or not, is refused; host, admin and auditor see them, for themselves only."""
    event = make_event(owner, results_visibility=visibility)
    path = f"/v1/event/{event.event_id}/results"
    for headers in (None, viewer.headers):
        status, body, answered = await get(query, path, headers)
        assert (status, body["error"]["code"]) == (403, "results_hidden")
        assert (answered["Cache-Control"], answered["Vary"]) == ("public, max-age=1", "Authorization")
    status, body, _ = await get(query, path, {"Authorization": "Bearer nonsense"})
    assert status == 401
    for role in ("host", "admin", "auditor"):
        status, _, answered = await get(query, path, mint.voter(role).headers)
        assert (status, answered["Vary"]) == (200, "Authorization")
        assert answered["Cache-Control"].startswith("private")


async def test_results_open_to_all_after_the_close(query: Service, owner: psycopg.Connection) -> None:
    """`after_close` hides nothing of a closed event."""
    event = make_event(owner, "closed", results_visibility="after_close")
    status, _, headers = await get(query, f"/v1/event/{event.event_id}/results")
    assert (status, headers["Cache-Control"]) == (200, "public, max-age=1")


async def test_pages_bring_their_own_parts_and_forbid_others(query: Service) -> None:
    """The pages are there with a strict policy, each file they name is served, and nothing else is."""
    for path in (f"/live/{UNKNOWN}", f"/vote/{UNKNOWN}", "/docs"):
        status, page, headers = await get(query, path)
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        parts = [part for part in page.split('"') if "/assets/" in part]
        assert len(parts) >= 2
        for part in parts:
            assert (await get(query, part))[0] == 200
    assert (await get(query, "/live/assets/..%2Fpage_handler.py"))[0] == 404
    assert (await get(query, "/live/assets/nothing.js"))[0] == 404
    for file in sorted((PAGES / "vote").iterdir()):
        assert (await get(query, f"/vote/assets/{file.name}"))[0] == 200, "it is listed in page_handler.py"
    assert (await get(query, "/openapi.json"))[1]["openapi"].startswith("3.")


async def test_browsers_of_other_origins_may_read(query: Service) -> None:
    """CORS is open, shows the headers that a page needs, and answers a preflight."""
    _, _, headers = await get(query, f"/v1/event/{UNKNOWN}/results", {"Origin": "https://show.example"})
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert {"ETag", "X-Trace-Id", "Retry-After"} <= set(headers["Access-Control-Expose-Headers"].split(", "))
    asks = {"Origin": "https://show.example", "Access-Control-Request-Method": "GET"}
    async with (
        aiohttp.ClientSession(query.url) as session,
        session.options(f"/v1/event/{UNKNOWN}/leaderboard", headers=asks) as response,
    ):
        assert response.status == 204
        assert "Authorization" in response.headers["Access-Control-Allow-Headers"]


async def test_refusals_are_not_kept(query: Service) -> None:
    """An error is no cache's business, and a wrong method is told the right ones."""
    path = f"/v1/event/{UNKNOWN}/results"
    _, _, headers = await get(query, path)
    assert headers["Cache-Control"] == "no-store"
    async with aiohttp.ClientSession(query.url) as session, session.delete(path) as answer:
        assert (answer.status, set(answer.headers["Allow"].split(", "))) == (405, {"GET", "HEAD"})


async def test_viewers_reports_are_counted(query: Service) -> None:
    """What pages measured gets into one histogram, and the answer tells the time; nonsense is refused, field named."""

    async def report(content: object) -> tuple[int, Any]:
        path = f"/live/{UNKNOWN}/seen"
        async with aiohttp.ClientSession(query.url) as session, session.post(path, json=content) as answer:
            return answer.status, await answer.json()

    began = datetime.now(UTC)
    status, body = await report({"delays_ms": [120, 480.5]})
    assert status == 200
    assert began <= datetime.fromisoformat(body["now"]) <= datetime.now(UTC)
    for nonsense in ({"delays_ms": [-1]}, {"delays_ms": [60_001]}, {"delays_ms": ["1"]}, {"delays_ms": [1] * 101}):
        status, body = await report(nonsense)
        assert (status, body["error"]["code"]) == (400, "invalid_field")
        assert body["error"]["field"].startswith("delays_ms")
    assert (await report({"delays_ms": [], "acks_ms": [31]}))[0] == 200
    _, metrics, _ = await get(query, "/metrics")
    assert 'vote_stage_seconds_bucket{le="0.05",stage="sent_to_acked"} 1.0' in metrics
    assert 'vote_stage_seconds_bucket{le="0.15",stage="committed_to_painted"} 1.0' in metrics
    assert 'vote_stage_seconds_count{stage="committed_to_painted"} 2.0' in metrics
