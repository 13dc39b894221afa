"""Drafts, and events whose close never comes: whom each call that reads an event tells of them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import psycopg
import pytest

from contract.vote_id import ReceiptCipher, VoteKind
from ops.rig.database import Database
from ops.rig.event import Event, change_status, make_event
from ops.rig.people import RECEIPT_KEY, TokenMint, Voter
from ops.rig.service import Service, read_process
from ops.rig.tallies import Tallies

READS = ["/v1/event/{}", "/v1/event/{}/leaderboard", "/v1/contestants/{}", "/v1/event/{}/results", "/v1/event/{}/live"]
PUBLIC_READS = [path for path in READS if path.endswith(("/results", "/live"))]
STREAMS = ["GET /v1/event/{}/stream", "POST /v1/event/{}/stream/ticket", "GET /v1/event/{}/ws"]
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@contextlib.contextmanager
def reading(module: str, folder: Path, database: Database, redis_url: str, mint: TokenMint) -> Iterator[Service]:
    with read_process(module, folder, database.url("vote_query"), redis_url, mint) as process:
        yield process


@pytest.fixture
def query(tmp_path: Path, database: Database, redis_url: str, mint: TokenMint) -> Iterator[Service]:
    with reading("query.reads", tmp_path, database, redis_url, mint) as process:
        yield process


@pytest.fixture
def sse(tmp_path: Path, database: Database, redis_url: str, mint: TokenMint) -> Iterator[Service]:
    with reading("query.streams", tmp_path, database, redis_url, mint) as process:
        yield process


async def status_of(process: Service, call: str, headers: dict[str, str]) -> tuple[int, str]:
    """The status, and what caches may do with the answer."""
    method, _, path = call.rpartition(" ")
    async with (
        aiohttp.ClientSession(process.url) as session,
        session.request(method or "GET", path, headers=headers) as answer,
    ):
        return answer.status, answer.headers.get("Cache-Control", "")


async def test_a_draft_is_there_for_staff_alone(query: Service, owner: psycopg.Connection, mint: TokenMint) -> None:
    """404, as for an unknown event, to viewers, auditors and bad tokens; staff see it, and no shared cache keeps it."""
    for path in READS:
        call = path.format(make_event(owner, "draft").event_id)
        strangers = [mint.voter().headers, mint.voter("auditor").headers]
        if path in PUBLIC_READS:
            strangers += [{}, {"Authorization": "Bearer nonsense"}]
        for headers in strangers:
            assert (await status_of(query, call, headers))[0] == 404, (path, headers)
        for role in ("host", "admin"):
            status, caching = await status_of(query, call, mint.voter(role).headers)
            assert (status, "public" in caching) == (200, False), path


async def test_a_users_vote_in_a_draft(query: Service, owner: psycopg.Connection, mint: TokenMint) -> None:
    """A viewer's own look-up is 404, before it could tell a draft from an unknown event."""
    draft, viewer = make_event(owner, "draft"), mint.voter()
    for event_id in (draft.event_id, UNKNOWN):
        path = f"/v1/event/{event_id}/vote/{viewer.user_id}"
        assert (await status_of(query, path, viewer.headers))[0] == 404


async def test_a_refused_vote_names_no_draft(query: Service, owner: psycopg.Connection, mint: TokenMint) -> None:
    """The receipt of a vote for a draft, which was refused, doesn't lead its holder to the event's name."""
    draft, scheduled = make_event(owner, "draft"), make_event(owner, "draft", opens_at="2030-01-01T20:15:00Z")
    viewer, admin = mint.voter(), mint.voter("admin")
    for event, asker, status in ((draft, viewer, 404), (scheduled, viewer, 200), (draft, admin, 200)):
        path = f"/v1/vote/{refusal(event, asker)}/status"
        assert (await status_of(query, path, asker.headers))[0] == status


def refusal(event: Event, voter: Voter) -> str:
    """The receipt of a vote that came too early."""
    return ReceiptCipher(RECEIPT_KEY).seal(VoteKind.NOT_OPEN, event.event_no, voter.pseudonym(event.event_no))


@pytest.mark.parametrize("call", STREAMS)
async def test_a_draft_streams_to_staff_alone(
    sse: Service, owner: psycopg.Connection, mint: TokenMint, call: str
) -> None:
    """No stream, socket or ticket of a draft for others than staff."""
    draft = make_event(owner, "draft")
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"} if call.endswith("/ws") else {}
    for headers in (mint.voter().headers, mint.voter("auditor").headers):
        assert (await status_of(sse, call.format(draft.event_id), headers | upgrade))[0] == 404
    if not upgrade:
        assert (await status_of(sse, call.format(draft.event_id), mint.voter("host").headers))[0] == 200


async def test_a_ticket_opens_the_stream_of_a_draft(sse: Service, owner: psycopg.Connection, mint: TokenMint) -> None:
    """Staff's browsers watch a draft by ticket, once."""
    draft = make_event(owner, "draft")
    path = f"/v1/event/{draft.event_id}/stream"
    async with aiohttp.ClientSession(sse.url) as session:
        async with session.post(f"{path}/ticket", headers=mint.voter("host").headers) as answer:
            ticket = (await answer.json())["ticket"]
        for status in (200, 404):
            async with session.get(path, params={"ticket": ticket}) as stream:
                assert stream.status == status


async def test_a_cancelled_event_never_shows_what_waited_for_its_close(
    query: Service, owner: psycopg.Connection, redis_url: str, mint: TokenMint
) -> None:
    """`after_close` means the close: when it is cancelled instead, results stay with staff."""
    event = make_event(owner, results_visibility="after_close")
    change_status(owner, event.event_id, "cancel")
    Tallies(redis_url).write(event, {1: 3}, status="cancelled")
    for path in PUBLIC_READS:
        assert (await status_of(query, path.format(event.event_id), {}))[0] == 403
        assert (await status_of(query, path.format(event.event_id), mint.voter("host").headers))[0] == 200
