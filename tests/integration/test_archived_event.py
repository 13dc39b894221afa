"""An event whose votes were taken out of the ledger (partitions/020): no more come, and nothing false is said of it."""

import uuid
from pathlib import Path

import aiohttp
import psycopg
import pytest

from contract.vote_id import ReceiptCipher, VoteKind
from ops.rig.database import Database
from ops.rig.dba_scripts import psql
from ops.rig.event import Event, make_event
from ops.rig.people import RECEIPT_KEY, TokenMint, Voter
from ops.rig.service import command_process, read_process
from ops.rig.votes import submit, vote_of


@pytest.fixture
def event(owner: psycopg.Connection) -> Event:
    return make_event(owner)


def archive(database: Database, owner: psycopg.Connection, event: Event) -> None:
    """Close it and run the DBA's script."""
    owner.execute("SELECT change_event_status(%s, 'closed', NULL, NULL)", [event.event_id])
    owner.execute(
        "INSERT INTO tallies (event_no, contestant_no, votes)"
        " SELECT event_no, contestant_no, count(*) FROM votes WHERE event_no = %s GROUP BY 1, 2",
        [event.event_no],
    )
    detached = psql(database, "020_detach_event.sql", event_no=event.event_no)
    assert detached.returncode == 0, detached.stderr


async def test_votes_for_it_are_refused_as_for_a_closed_event(
    tmp_path: Path, database: Database, owner: psycopg.Connection, mint: TokenMint, event: Event
) -> None:
    """New voters, and those who voted while it was open: 409 with a receipt."""
    early, late = mint.voter(), mint.voter()
    with command_process(tmp_path, database.url("vote_command"), mint) as command:
        async with aiohttp.ClientSession(command.url) as session:
            assert (await submit(session, early, vote_of(early, event)))[0] == 200
            archive(database, owner, event)
            answers = [(voter, *(await submit(session, voter, vote_of(voter, event)))) for voter in (early, late)]
    for voter, status, content in answers:
        assert (status, content["error"]["code"], content["vote_status"]) == (409, "event_not_open", "rejected")
        receipt = ReceiptCipher(RECEIPT_KEY).open(uuid.UUID(content["vote_id"]))
        assert receipt is not None
        assert (receipt.kind, receipt.voter) == (VoteKind.CLOSED, voter.pseudonym(event.event_no))


async def test_one_that_a_dba_detached_while_it_was_open_takes_no_votes(
    tmp_path: Path, database: Database, owner: psycopg.Connection, mint: TokenMint, event: Event
) -> None:
    """The status says open, the tables are away: 409 too, and no error of ours."""
    voter = mint.voter()
    owner.execute(f"ALTER TABLE votes DETACH PARTITION votes_e{event.event_no}".encode())
    with command_process(tmp_path, database.url("vote_command"), mint) as command:
        async with aiohttp.ClientSession(command.url) as session:
            status, content = await submit(session, voter, vote_of(voter, event))
    assert (status, content["error"]["code"]) == (409, "event_not_open")


async def test_nothing_is_said_of_its_votes_but_that_they_are_archived(
    tmp_path: Path,
    database: Database,
    owner: psycopg.Connection,
    people: psycopg.Connection,
    redis_url: str,
    mint: TokenMint,
    event: Event,
) -> None:
    """Voter and auditor get 409 instead of a has_voted or a status that may be false; others learn nothing."""
    voter, auditor, other = mint.voter(), mint.voter("auditor"), mint.voter()
    people.execute(
        "INSERT INTO identity.users (user_id, username, roles, voter_seed) VALUES (%s, 'voter', '{viewer}', %s)",
        [voter.user_id, voter.seed],
    )
    receipt = ReceiptCipher(RECEIPT_KEY).seal(VoteKind.ACCEPTED, event.event_no, voter.pseudonym(event.event_no))
    status, user_vote = f"/v1/vote/{receipt}/status", f"/v1/event/{event.event_id}/vote/{voter.user_id}"
    archive(database, owner, event)
    with read_process("query.reads", tmp_path, database.url("vote_query"), redis_url, mint) as query:
        async with aiohttp.ClientSession(query.url) as session:
            for asker in (voter, auditor):
                for path in (status, user_vote):
                    assert await ask(session, path, asker) == (409, "wrong_state", "the event's votes are archived")
            assert (await ask(session, status, other))[0] == 404
            assert (await ask(session, user_vote, other))[0] == 403


async def ask(session: aiohttp.ClientSession, path: str, asker: Voter) -> tuple[int, str, str]:
    """Status, code and message."""
    async with session.get(path, headers=asker.headers) as response:
        error = (await response.json())["error"]
        return response.status, error["code"], error["message"]
