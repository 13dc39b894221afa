"""Whoever changes the ledger by SQL is found out by seals and receipts."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import aiohttp
import psycopg
import pytest
from psycopg import sql

from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.people import RECEIPT_KEY, SEAL_KEY, TokenMint
from ops.rig.service import command_process
from ops.rig.votes import submit, vote_of

FORGED = """INSERT INTO votes (voted_at, event_no, contestant_no, voter, seal)
    VALUES (now(), %s, 1, substr(sha256('forged'), 1, 12), substr(sha256('guess'), 1, 16))"""
COPIED = """INSERT INTO votes (voted_at, device, event_no, contestant_no, region, voter, seal)
    SELECT voted_at, device, event_no, contestant_no, region, substr(sha256('copied'), 1, 12), seal
    FROM votes WHERE event_no = %s LIMIT 1"""
ALTERED = "UPDATE votes SET contestant_no = 3 - contestant_no WHERE event_no = %s"
MOVED = "UPDATE votes SET voted_at = voted_at - interval '1 microsecond' WHERE event_no = %s"
DELETED = "DELETE FROM votes WHERE event_no = %s"
Audit = Callable[[], tuple[int, str]]


@pytest.fixture
def event(owner: psycopg.Connection) -> Event:
    return make_event(owner)


@pytest.fixture
async def audit_lines(tmp_path: Path, database: Database, event: Event) -> Callable[[], tuple[int, list[str]]]:
    """Three voters have voted and kept their receipts; gives the audit's exit code and output."""
    mint, receipts = TokenMint(tmp_path), tmp_path / "receipts.txt"
    with command_process(tmp_path, database.url("vote_command"), mint) as command:
        async with aiohttp.ClientSession(command.url) as session:
            voters = [mint.voter() for _ in range(3)]
            acks = [
                await submit(session, voter, {**vote_of(voter, event), "meta": {"device_id": "d"}}) for voter in voters
            ]
    receipts.write_text("\n".join(content["vote_id"] for _, content in acks))
    (tmp_path / "receipt-keys").write_text(json.dumps({"1": RECEIPT_KEY.hex()}))
    (tmp_path / "seal-keys").write_text(json.dumps({"1": SEAL_KEY.hex()}))
    env = {
        **os.environ,
        "DATABASE_URL": database.url("vote_auditor"),
        "SEAL_KEYS_FILE": str(tmp_path / "seal-keys"),
        "RECEIPT_KEYS_FILE": str(tmp_path / "receipt-keys"),
    }

    def run() -> tuple[int, list[str]]:
        words = [sys.executable, "-m", "ops.seal_audit", event.event_id, "--receipts", str(receipts)]
        done = subprocess.run(words, check=False, capture_output=True, text=True, env=env)
        return done.returncode, (done.stdout or done.stderr).splitlines()

    return run


@pytest.fixture
def audit(audit_lines: Callable[[], tuple[int, list[str]]]) -> Audit:
    """The same, of the output the first line."""

    def run() -> tuple[int, str]:
        code, lines = audit_lines()
        return code, lines[0]

    return run


def test_an_untouched_ledger_is_sound(audit: Audit) -> None:
    """Every seal is right and every receipt has its row."""
    assert audit() == (0, "3 rows, 0 wrong seals, 0 receipts without a row, 0 miscounts")


@pytest.mark.parametrize(
    ("tallied", "finding"), [(3, 0), (2, 1), (4, 1), (0, 1)], ids=["equal", "less", "more", "none"]
)
def test_an_event_that_is_over_has_the_rows_that_were_counted(
    audit: Audit, owner: psycopg.Connection, event: Event, tallied: int, finding: int
) -> None:
    """One that goes on may be ahead of its tallies; when it is over, a difference is a finding."""
    if tallied:
        owner.execute("INSERT INTO tallies VALUES (%s, 1, %s)", [event.event_no, tallied])
    line = "3 rows, 0 wrong seals, 0 receipts without a row, {} miscounts"
    ahead = int(tallied > 3)
    assert audit() == (ahead, line.format(ahead))
    owner.execute("SELECT change_event_status(%s, 'closed', NULL, NULL)", [event.event_id])
    assert audit() == (finding, line.format(finding))


def test_an_event_without_its_rows_is_not_sound(audit: Audit, owner: psycopg.Connection, event: Event) -> None:
    """Deleted rows are missed without any receipt; of an archived event it is said that it is."""
    owner.execute("INSERT INTO tallies VALUES (%s, 1, 3)", [event.event_no])
    owner.execute(DELETED, [event.event_no])
    code, line = audit()
    assert (code, line.split(", ")[0], line.split(", ")[-1]) == (1, "0 rows", "1 miscounts")
    owner.execute(sql.SQL("ALTER TABLE votes DETACH PARTITION {}").format(sql.Identifier(f"votes_e{event.event_no}")))
    code, line = audit()
    assert code == 2
    assert "are archived" in line


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        (FORGED, "4 rows, 1 wrong seals, 0 receipts without a row, 0 miscounts"),
        (COPIED, "4 rows, 1 wrong seals, 0 receipts without a row, 0 miscounts"),
        (ALTERED, "3 rows, 3 wrong seals, 0 receipts without a row, 0 miscounts"),
        (MOVED, "3 rows, 3 wrong seals, 0 receipts without a row, 0 miscounts"),
        (DELETED, "0 rows, 0 wrong seals, 3 receipts without a row, 0 miscounts"),
    ],
)
def test_a_change_by_sql_is_found(
    audit: Audit, owner: psycopg.Connection, event: Event, statement: str, finding: str
) -> None:
    """Even the superuser can't forge, copy, alter or delete a vote unnoticed."""
    owner.execute(statement, [event.event_no])
    assert audit() == (1, finding)


SWAPPED = """UPDATE contestants c SET contestant_name = other.contestant_name FROM contestants other
    WHERE c.event_no = %s AND other.event_no = c.event_no AND other.contestant_no = 3 - c.contestant_no"""
RENAMED = "UPDATE events SET event_name = 'Another' WHERE event_no = %s"
UNSEALED = "UPDATE events SET ballot_seal = NULL WHERE event_no = %s"


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        (SWAPPED, "the ballot is not what it was when the event opened"),
        (RENAMED, "the ballot is not what it was when the event opened"),
        (UNSEALED, "the ballot was never sealed"),
    ],
)
def test_a_ballot_changed_by_sql_is_found(
    audit_lines: Callable[[], tuple[int, list[str]]],
    owner: psycopg.Connection,
    event: Event,
    statement: str,
    finding: str,
) -> None:
    """Two names that change places change who has won, though every vote is as it was."""
    owner.execute(statement, [event.event_no])
    code, lines = audit_lines()
    assert code == 1
    assert finding in lines
