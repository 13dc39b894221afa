"""GET /v1/me/votes, on a real query process and a real Postgres."""

from pathlib import Path
from typing import Any

import aiohttp
import psycopg

from contract.moment import rfc3339
from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.people import TokenMint, Voter
from ops.rig.service import read_process
from ops.rig.votes import cast_sealed
from query.reads.own_votes import PAGE_EVENTS
from query.replica_reader import LOOK_UPS_AT_ONCE

# Events whose tables are gone, as partitions/050 leaves them.
DROPPED = """
    INSERT INTO events (event_name, status, modulus, key_no, created_by)
    SELECT 'Old', 'closed', 1, 1, gen_random_uuid() FROM generate_series(1, %s)"""


async def test_every_vote_is_listed_once(
    tmp_path: Path, database: Database, owner: psycopg.Connection, redis_url: str, mint: TokenMint
) -> None:
    """One's own in all pages, newest event first; nobody else's, and nothing of drafts and of dropped events."""
    voter, other = mint.voter(), mint.voter()
    old, older = (make_event(owner, expected_votes=1) for _ in range(2))
    owner.execute(DROPPED, [PAGE_EVENTS])
    recent = [make_event(owner, expected_votes=1) for _ in range(LOOK_UPS_AT_ONCE + 1)]
    make_event(owner, "draft", expected_votes=1)
    voted = [recent[-1], recent[0], older, old]
    receipts = [
        cast_sealed(owner, event, [each.pseudonym(event.event_no) for each in (voter, other)])[0] for event in voted
    ]
    with read_process("query.reads", tmp_path, database.url("vote_query"), redis_url, mint) as query:
        async with aiohttp.ClientSession(query.url) as session:
            first = await ask(session, "", voter)
            second = await ask(session, f"?cursor={first['next_cursor']}", voter)
            nothing = await ask(session, "", mint.voter())
    listed = [(vote["event_id"], vote["vote_id"]) for page in (first, second) for vote in page["votes"]]
    assert listed == [(event.event_id, receipt) for event, receipt in zip(voted, receipts, strict=True)]
    assert (len(first["votes"]), second["next_cursor"]) == (2, None)
    rows = owner.execute("SELECT voted_at FROM votes WHERE event_no = %s", [old.event_no]).fetchall()
    assert second["votes"][-1]["voted_at"] == rfc3339(rows[0][0])
    assert nothing["votes"] == []


async def ask(session: aiohttp.ClientSession, asked: str, voter: Voter) -> Any:
    """A page."""
    async with session.get(f"/v1/me/votes{asked}", headers=voter.headers) as response:
        assert response.status == 200
        return await response.json()
