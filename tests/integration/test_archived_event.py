"""An event whose votes were taken out of the ledger (partitions/020): no more come, and nothing false is said of it.

Nor does an event open that lacks any of its tables, or refuse for good what is cast while they are away.
"""

import asyncio
import uuid
from pathlib import Path

import aiohttp
import psycopg
import pytest

from contract.vote_id import ReceiptCipher, VoteKind
from ops.rig.database import Database
from ops.rig.dba_scripts import psql, run_script
from ops.rig.event import Event, change_status, make_event
from ops.rig.eventually import eventually
from ops.rig.people import RECEIPT_KEY, TokenMint, Voter
from ops.rig.service import command_process, read_process
from ops.rig.votes import submit, vote_of


@pytest.fixture
def event(owner: psycopg.Connection) -> Event:
    return make_event(owner)


def archive(database: Database, owner: psycopg.Connection, event: Event) -> None:
    """Close it and run the DBA's script."""
    change_status(owner, event.event_id, "close")
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


@pytest.mark.parametrize("away", ["votes DETACH PARTITION votes_e{no}", "votes_e{no} DETACH PARTITION votes_e{no}_p0"])
async def test_one_that_a_dba_detached_while_it_was_open_takes_votes_when_it_is_back(
    tmp_path: Path, database: Database, owner: psycopg.Connection, mint: TokenMint, away: str
) -> None:
    """503 to new voters and to who has voted: nothing can be said of their votes. Once attached, both are acked."""
    event = make_event(owner, expected_votes=1)
    early, late = mint.voter(), mint.voter()
    with command_process(tmp_path, database.url("vote_command"), mint) as command:
        async with aiohttp.ClientSession(command.url) as session:
            _, ack = await submit(session, early, vote_of(early, event))
            owner.execute(f"ALTER TABLE {away.format(no=event.event_no)}".encode())
            for voter in (early, late):
                async with session.post("/v1/vote/submit", json=vote_of(voter, event), headers=voter.headers) as answer:
                    assert (answer.status, (await answer.json())["error"]["code"]) == (503, "busy")
                    assert answer.headers["Retry-After"]
            command.process.wait_for("an open event lacks tables")
            attach(database, owner, event)
            again = [await submit(session, voter, vote_of(voter, event)) for voter in (early, late)]
    assert [status for status, _ in again] == [200, 200]
    assert again[0][1]["vote_id"] == ack["vote_id"]
    assert owner.execute("SELECT count(*) FROM votes WHERE event_no = %s", [event.event_no]).fetchone() == (2,)


def attach(database: Database, owner: psycopg.Connection, event: Event) -> None:
    """Put back what is detached; of a leaf there is no script."""
    no = event.event_no
    run_script(database, "030_attach_event.sql", event_no=no)
    leaves = "SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass"
    if owner.execute(leaves, [f"votes_e{no}"]).fetchone() == (0,):
        leaf = f"ALTER TABLE votes_e{no} ATTACH PARTITION votes_e{no}_p0 FOR VALUES WITH (MODULUS 1, REMAINDER 0)"
        owner.execute(leaf.encode())


@pytest.mark.parametrize(
    "away",
    [
        "ALTER TABLE votes DETACH PARTITION votes_e{no}",
        "ALTER TABLE votes_e{no} DETACH PARTITION votes_e{no}_p1",
        "DROP TABLE vote_rejections_e{no}",
        "DROP TABLE vote_evidence_e{no}",
    ],
)
def test_no_event_opens_without_its_tables(owner: psycopg.Connection, away: str) -> None:
    """Whoever opens it, and by whatever statement; nor does a pause end."""
    draft, paused = make_event(owner, "draft", expected_votes=500_000), make_event(owner, expected_votes=500_000)
    change = "SELECT change_status(%s, %s, NULL, NULL, NULL)"
    owner.execute(change, [paused.event_id, "pause"])
    for event, action in ((draft, "open"), (paused, "resume")):
        owner.execute(away.format(no=event.event_no).encode())
        with pytest.raises(psycopg.Error, match="are missing or detached") as refused:
            owner.execute(change, [event.event_id, action])
        assert refused.value.sqlstate == "VT409"
        with pytest.raises(psycopg.Error, match="are missing or detached"):
            owner.execute("UPDATE events SET status = 'open' WHERE event_no = %s", [event.event_no])


async def test_what_lacks_tables_opens_by_click_and_by_schedule_when_it_has_them(
    tmp_path: Path, database: Database, owner: psycopg.Connection, mint: TokenMint
) -> None:
    """A host gets 409 and the reason, the schedule says it in the log and goes on trying."""
    clicked, due, host = make_event(owner, "draft"), make_event(owner, "draft"), mint.voter("host")
    for event in (clicked, due):
        owner.execute(f"ALTER TABLE votes DETACH PARTITION votes_e{event.event_no}".encode())
    with command_process(tmp_path, database.url("vote_command"), mint) as command:
        owner.execute(
            "UPDATE events SET status = 'scheduled', opens_at = now() - interval '1 second' WHERE event_no = %s",
            [due.event_no],
        )
        async with aiohttp.ClientSession(command.url) as session:
            async with session.post(f"/v1/event/{clicked.event_id}/open", headers=host.headers) as answer:
                error = (await answer.json())["error"]
            assert (answer.status, error["code"]) == (409, "wrong_state")
            assert "a DBA has to make or attach them first" in error["message"]
            command.process.wait_for("can't carry out what is due now")
            for event in (clicked, due):
                run_script(database, "030_attach_event.sql", event_no=event.event_no)
            async with session.post(f"/v1/event/{clicked.event_id}/open", headers=host.headers) as answer:
                assert answer.status == 200
        is_open = "SELECT status = 'open' FROM events WHERE event_no = %s"
        await asyncio.to_thread(
            eventually, lambda: owner.execute(is_open, [due.event_no]).fetchone() == (True,), "the schedule opens it"
        )


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
