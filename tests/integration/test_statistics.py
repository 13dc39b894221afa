"""What admins and auditors are told of an event: its statistics and the audit log, on a real query process."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import psycopg
import pytest

from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.people import TokenMint
from ops.rig.service import Service, read_process
from ops.rig.tallies import Tallies
from query.reads.audit_handler import PAGE_ENTRIES

VOTED = """
    INSERT INTO votes (voted_at, device, event_no, contestant_no, region, voter, seal)
    SELECT %s::timestamptz, nullif(number %% 4, 0), %s, %s, %s, substr(uuid_send(gen_random_uuid()), 1, 12),
           uuid_send(gen_random_uuid())
    FROM generate_series(1, %s) AS number"""


@pytest.fixture
def query(tmp_path: Path, database: Database, redis_url: str, mint: TokenMint) -> Iterator[Service]:
    with read_process("query.reads", tmp_path, database.url("vote_query"), redis_url, mint) as process:
        yield process


async def get(process: Service, path: str, headers: dict[str, str]) -> tuple[int, Any]:
    async with aiohttp.ClientSession(process.url) as session, session.get(path, headers=headers) as response:
        return response.status, await response.json()


def fill(owner: psycopg.Connection, event: Event) -> None:
    """Votes in two hours from two regions, and some refusals."""
    for at, region, votes in (("20:15:59Z", "DE", 40), ("20:16Z", "DE", 30), ("21:00Z", "FR", 12), ("21:00Z", None, 3)):
        owner.execute(VOTED, [f"2026-01-01T{at}", event.event_no, 1, region, votes])
    for voter, kind in ((b"a", 2), (b"b", 2), (b"b", 4)):
        refused = [event.event_no, kind, voter.ljust(12)]
        owner.execute("INSERT INTO vote_rejections VALUES (now(), %s, 1, %s, %s)", refused)


STORE = "SELECT store_evidence(%s, %s, '{5, 4}', ARRAY['[]', '[]']::jsonb[], '{a, b}', %s::text[]::jsonb[])"


async def test_statistics_of_one_event(
    query: Service, owner: psycopg.Connection, redis_url: str, mint: TokenMint
) -> None:
    """From all leaves of this event and from no other one; hours and regions for those who ask."""
    event, other = make_event(owner, expected_votes=200_000, eligible_voters=1000), make_event(owner)
    fill(owner, event)
    for levels in (['{"mail": 2, "password": 3}', '{"mail": 9}'], ['{"mail": 1}', "{}"]):
        owner.execute(STORE, [[event.event_no, other.event_no], [UUID(event.event_id), UUID(other.event_id)], levels])
    owner.execute(VOTED, ["2026-01-01T20:15Z", other.event_no, 1, "IT", 99])
    Tallies(redis_url).write(event, {1: 80, 2: 5})
    path, admin = f"/v1/event/{event.event_id}/statistics", mint.voter("admin").headers
    began = datetime.now(UTC)
    status, body = await get(query, f"{path}?include_hourly=true&include_regional=true", admin)
    assert status == 200
    assert [row["percentage"] for row in body["contestants"]] == [94.12, 5.88]
    figures = body["statistics"]
    counted = figures.pop("counted")
    assert (figures["total_votes"], figures["stale"], figures["closed_at"]) == (85, False, None)
    assert (figures["assurance_min"], figures["archived"]) == ("password", False)
    assert (figures["eligible_voters"], figures["turnout_percentage"]) == (1000, 8.5)
    assert began <= datetime.fromisoformat(counted.pop("as_of")) <= datetime.now(UTC)
    assert counted.pop("took_s") > 0
    assert counted == {
        "votes": 85,
        "votes_last_minute": 0,
        "peak": {"minute": "2026-01-01T20:15:00.000000Z", "votes": 40},
        "refusals": [{"reason": "duplicate", "voters": 2}, {"reason": "closed", "voters": 1}],
        "assurances": [{"level": "mail", "votes": 3}, {"level": "password", "votes": 3}],
        "distinct_devices": 3,
        "hourly": [
            {"hour": "2026-01-01T20:00:00.000000Z", "votes": 70},
            {"hour": "2026-01-01T21:00:00.000000Z", "votes": 15},
        ],
        "regional": [
            {"region": "DE", "votes": 70},
            {"region": "FR", "votes": 12},
            {"region": "--", "votes": 3},
        ],
    }
    _, body = await get(query, path, admin)
    assert not {"hourly", "regional"} & body["statistics"]["counted"].keys()
    for role, status in (("auditor", 200), ("host", 403), ("viewer", 403)):
        assert (await get(query, path, mint.voter(role).headers))[0] == status
    assert (await get(query, f"{path}?include_hourly=1", admin))[1]["error"]["field"] == "include_hourly"
    sliced = "SELECT sum(count_devices(%s, slice, 4)) FROM generate_series(0, 3) AS slice"
    assert owner.execute(sliced, [event.event_no]).fetchone() == (3,)


async def test_whom_a_region_chose(query: Service, owner: psycopg.Connection, redis_url: str, mint: TokenMint) -> None:
    """Told in both dialects once the event is over, and never of fewer than ten people, also not by subtraction."""
    event, running = make_event(owner, "closed"), make_event(owner)
    ada, bea = event.contestants
    Tallies(redis_url).write(event, {1: 47, 2: 10}, status="closed")

    def vote(of: Event, *votes: tuple[int, str | None, int]) -> None:
        for contestant_no, region, count in votes:
            owner.execute(VOTED, ["2026-01-01T20:15Z", of.event_no, contestant_no, region, count])

    def told() -> set[tuple[object, ...]]:
        return set(owner.execute("SELECT * FROM count_choices(%s)", [event.event_no]).fetchall())

    vote(running, (1, "DE", 30))
    assert owner.execute("SELECT count(*) FROM count_choices(%s)", [running.event_no]).fetchone() == (0,)
    vote(event, (1, "DE", 30), (2, "DE", 10), (1, "FR", 12), (1, "IT", 3), (1, None, 2))
    german = {("DE", 1, 30), ("DE", 2, 10)}
    assert told() == german, "of the five others one would know by what is left, if France were told"
    admin = mint.voter("admin").headers
    _, ours = await get(query, f"/v1/event/{event.event_id}/statistics?include_regional=true", admin)
    assert ours["statistics"]["counted"]["regional"] == [
        {
            "region": "DE",
            "votes": 40,
            "contestants": [{"contestant_id": ada, "votes": 30}, {"contestant_id": bea, "votes": 10}],
        },
        {"region": "FR", "votes": 12},
        {"region": "IT", "votes": 3},
        {"region": "--", "votes": 2},
    ]
    _, theirs = await get(query, f"/api/v1/results/statistics/{event.event_id}?includeRegional=true", admin)
    assert theirs["regionalBreakdown"] == [
        {
            "region": "DE",
            "totalVotes": 40,
            "candidates": [{"candidateId": ada, "votes": 30}, {"candidateId": bea, "votes": 10}],
        },
        {"region": "FR", "totalVotes": 12},
        {"region": "IT", "totalVotes": 3},
        {"region": "--", "totalVotes": 2},
    ]
    vote(event, (1, "ES", 5))
    assert told() == german | {("FR", 1, 12)}, "ten people are left"
    vote(event, (2, None, 8))
    assert told() == german | {("FR", 1, 12)}, "eight others are left, who hide among ten"


async def test_audit_log_page_by_page(query: Service, owner: psycopg.Connection, mint: TokenMint) -> None:
    """Newest first, each entry once; by one actor, of one event; nobody but admins and auditors reads it."""
    event = make_event(owner, "closed")
    actor = mint.voter("admin")
    for number in range(PAGE_ENTRIES + 1):
        owner.execute(
            "INSERT INTO audit_log (actor, action, after) VALUES (%s, 'tried', %s)",
            [actor.user_id, f'{{"number": {number}}}'],
        )
    status, first = await get(query, f"/v1/audit/log?actor={actor.user_id}", actor.headers)
    assert status == 200
    _, second = await get(query, f"/v1/audit/log?actor={actor.user_id}&cursor={first['next_cursor']}", actor.headers)
    entries = first["entries"] + second["entries"]
    assert [entry["after"]["number"] for entry in entries] == list(range(PAGE_ENTRIES + 1))[::-1]
    assert second["next_cursor"] is None
    _, of_event = await get(query, f"/v1/audit/log?event_id={event.event_id}", mint.voter("auditor").headers)
    assert [entry["action"] for entry in of_event["entries"]] == ["event.close", "event.open", "event.create"]
    _, all_of_them = await get(query, "/v1/audit/log", actor.headers)
    assert len(all_of_them["entries"]) == PAGE_ENTRIES
    for wrong in ("actor=1", "event_id=1", "cursor=-1", "cursor=0", f"cursor={1 << 63}"):
        status, body = await get(query, f"/v1/audit/log?{wrong}", actor.headers)
        assert (status, body["error"]["field"]) == (400, wrong.partition("=")[0])
    assert (await get(query, "/v1/audit/log", mint.voter("host").headers))[0] == 403


async def test_the_sheet_is_printed_for_those_who_run_and_check_events(
    query: Service, owner: psycopg.Connection, redis_url: str, mint: TokenMint
) -> None:
    """A PDF with a font for each script of its names; for nobody else."""
    event = make_event(owner, "closed", event_name="Finale, Финал, محمد", eligible_voters=10)
    Tallies(redis_url).write(event, {1: 3, 2: 1}, status="closed")
    path = f"{query.url}/v1/event/{event.event_id}/sheet.pdf"
    content = b""
    async with aiohttp.ClientSession() as session:
        for role, status in (("viewer", 403), ("host", 200), ("auditor", 200)):
            async with session.get(path, headers=mint.voter(role).headers) as answer:
                assert answer.status == status
                content = await answer.read()
    assert content.startswith(b"%PDF-")
    assert (b"NotoSansArabic" in content, b"NotoSansHebrew" in content) == (True, False)
