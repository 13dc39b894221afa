"""GET /v1/vote/{vote_id}/status, on a real query process, a real Postgres and a real Valkey."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from contract.vote_id import ReceiptCipher, VoteKind
from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.people import RECEIPT_KEY, TokenMint, Voter
from ops.rig.service import Service, read_process
from ops.rig.tallies import Tallies

SYSTEM_ID, TIMELINE, FAR = 7, 1, 2**62


@pytest.fixture
def query(tmp_path: Path, database: Database, redis_url: str, mint: TokenMint) -> Iterator[Service]:
    with read_process("query.reads", tmp_path, database.url("vote_query"), redis_url, mint) as process:
        yield process


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection]:
    """A superuser, in a database of which fanout has stored a checkpoint."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        connection.execute("INSERT INTO fanout_checkpoint VALUES ('main', 1, %s, %s, '0/1')", [SYSTEM_ID, TIMELINE])
        yield connection


def cast(owner: psycopg.Connection, event: Event, voter: Voter, contestant_no: int = 1) -> VoteKind:
    """Vote as the command process does; what became of it."""
    row = owner.execute(
        "SELECT kind FROM cast_votes(%s, %s, clock_timestamp(), ARRAY[%s::bytea], ARRAY[%s::smallint], '{NULL}',"
        " '{NULL}', ARRAY[%s::bytea], '{0}')",
        [event.event_no, event.event_id, voter.pseudonym(event.event_no), contestant_no, bytes(16)],
    ).fetchone()
    return VoteKind(row[0]) if row else VoteKind.ACCEPTED


def receipt(event: Event, voter: Voter, kind: VoteKind = VoteKind.ACCEPTED, key: bytes = RECEIPT_KEY) -> str:
    return ReceiptCipher(key).seal(kind, event.event_no, voter.pseudonym(event.event_no))


async def status_of(query: Service, vote_id: str, asker: Voter) -> tuple[int, Any]:
    """The HTTP status, and the vote's or the error's code."""
    async with (
        aiohttp.ClientSession(query.url) as session,
        session.get(f"/v1/vote/{vote_id}/status", headers=asker.headers) as response,
    ):
        body = await response.json()
        return response.status, body.get("vote_status") or body["error"]["code"]


async def test_vote_is_processed_once_the_applied_position_has_passed_it(
    query: Service, owner: psycopg.Connection, mint: TokenMint, redis_url: str
) -> None:
    """Acked while fanout stands before the vote's commit, processed as soon as it stands behind it."""
    event, voter = make_event(owner), mint.voter()
    row = owner.execute("SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint").fetchone()
    assert row
    assert cast(owner, event, voter) is VoteKind.ACCEPTED
    Tallies(redis_url).applied(row[0], system_id=SYSTEM_ID, timeline=TIMELINE)
    assert await status_of(query, receipt(event, voter), voter) == (200, "acked")
    Tallies(redis_url).applied(FAR, system_id=SYSTEM_ID, timeline=TIMELINE)
    assert await status_of(query, receipt(event, voter), voter) == (200, "processed")


@pytest.mark.parametrize(
    ("system_id", "timeline", "stored_timeline"),
    [(SYSTEM_ID + 1, TIMELINE, TIMELINE), (SYSTEM_ID, TIMELINE - 1, TIMELINE), (SYSTEM_ID, TIMELINE - 1, TIMELINE - 1)],
)
async def test_positions_of_another_history_prove_nothing(
    query: Service,
    owner: psycopg.Connection,
    mint: TokenMint,
    redis_url: str,
    system_id: int,
    timeline: int,
    stored_timeline: int,
) -> None:
    """A Redis of another system or an older timeline makes no vote processed, even before fanout stores the new one."""
    event, voter = make_event(owner), mint.voter()
    owner.execute("UPDATE fanout_checkpoint SET timeline = %s", [stored_timeline])
    cast(owner, event, voter)
    Tallies(redis_url).applied(FAR, system_id=system_id, timeline=timeline)
    assert await status_of(query, receipt(event, voter), voter) == (200, "acked")


async def test_own_receipt_counts_before_the_replica_has_the_row(
    query: Service, owner: psycopg.Connection, mint: TokenMint, redis_url: str
) -> None:
    """An accepted receipt of one's own is acked though the row isn't seen; nobody else learns of it, not even staff."""
    event, voter = make_event(owner), mint.voter()
    Tallies(redis_url).applied(FAR, system_id=SYSTEM_ID, timeline=TIMELINE)
    assert await status_of(query, receipt(event, voter), voter) == (200, "acked")
    assert await status_of(query, receipt(event, voter), mint.voter("admin")) == (404, "not_found")


async def test_votes_are_seen_by_their_voter_admins_and_auditors_only(
    query: Service, owner: psycopg.Connection, mint: TokenMint
) -> None:
    """For everybody else there is no such vote."""
    event, voter = make_event(owner), mint.voter()
    cast(owner, event, voter)
    for allowed in (voter, mint.voter("admin"), mint.voter("auditor")):
        assert await status_of(query, receipt(event, voter), allowed) == (200, "acked")
    for other in (mint.voter(), mint.voter("host")):
        assert await status_of(query, receipt(event, voter), other) == (404, "not_found")


async def test_refused_attempts_keep_their_status(query: Service, owner: psycopg.Connection, mint: TokenMint) -> None:
    """A vote for another contestant stays a duplicate, one for an event that isn't open rejected."""
    event, voter = make_event(owner), mint.voter()
    unopened = make_event(owner, "draft", opens_at="2030-01-01T20:15:00Z")
    assert cast(owner, event, voter, 1) is VoteKind.ACCEPTED
    assert cast(owner, event, voter, 2) is VoteKind.DUPLICATE
    assert cast(owner, unopened, voter) is VoteKind.NOT_OPEN
    for asker in (voter, mint.voter("auditor")):
        assert await status_of(query, receipt(event, voter, VoteKind.DUPLICATE), asker) == (200, "duplicate")
        assert await status_of(query, receipt(unopened, voter, VoteKind.NOT_OPEN), asker) == (200, "rejected")


async def test_what_is_no_receipt_is_not_found(query: Service, owner: psycopg.Connection, mint: TokenMint) -> None:
    """A made-up id, or one made under another key, is 404; what is no UUID is 400."""
    event, admin = make_event(owner), mint.voter("admin")
    forged = receipt(event, admin, key=b"another key 1234")
    for vote_id in ("00000000-0000-4000-8000-000000000000", forged):
        assert await status_of(query, vote_id, admin) == (404, "not_found")
    assert await status_of(query, "nonsense", admin) == (400, "invalid_field")


async def test_status_names_the_event(query: Service, owner: psycopg.Connection, mint: TokenMint) -> None:
    """The answer has the fields of the contract and no others."""
    event, voter = make_event(owner), mint.voter()
    cast(owner, event, voter)
    vote_id = receipt(event, voter)
    async with (
        aiohttp.ClientSession(query.url) as session,
        session.get(f"/v1/vote/{vote_id}/status", headers=voter.headers) as response,
    ):
        assert await response.json() == {
            "vote_id": vote_id,
            "vote_status": "acked",
            "event_id": event.event_id,
            "event_name": "Final",
        }
