"""Whoever changes the ledger by SQL is found out, and named, by ./ops/audit."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import aiohttp
import psycopg
import pytest
from psycopg import sql

from contract.pseudonym import voter_of
from ops.auditor.event_audit import EventAudit, Keys
from ops.auditor.questions import Row, questions
from ops.embedded.postgres_server import BIN
from ops.rig import python_process
from ops.rig.database import Database
from ops.rig.event import Event, change_status, make_event
from ops.rig.eventually import eventually
from ops.rig.people import RECEIPT_KEY, SEAL_KEY, TokenMint
from ops.rig.running_stack import PROJECT
from ops.rig.service import command_process
from ops.rig.votes import cast_sealed, submit, vote_of

SEALS = "Has any row another seal than its own?"
TALLIES = questions()[31].title
HOURS = questions()[32].title
RECEIPTS = questions()[35].title
LEAVES = questions()[34].title

Said = dict[str, list[Row]]
Audit = Callable[..., Said]


@pytest.fixture
def event(owner: psycopg.Connection, receipts: list[str]) -> Event:
    """Three voters have voted and kept their receipts."""
    made = make_event(owner, expected_votes=1)
    voters = [bytes([number]) * 12 for number in range(3)]
    receipts += cast_sealed(owner, made, voters)
    return made


@pytest.fixture
def receipts() -> list[str]:
    return []


@pytest.fixture
def audit(database: Database, event: Event, receipts: list[str]) -> Audit:
    """Gives what was found, by check."""

    def run(of: Event = event) -> Said:
        url = database.url("vote_auditor")
        with psycopg.connect(url) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            keys = Keys({1: SEAL_KEY}, {1: RECEIPT_KEY})
            report = EventAudit(url, connection, UUID(of.event_id)).run(keys, receipts, 1, lambda *_: None)
        return {check.title: check.found for check in report.checks if check.total}

    return run


def close(owner: psycopg.Connection, event: Event) -> None:
    change_status(owner, event.event_id, "close")


async def test_an_untouched_ledger_is_sound(
    database: Database, owner: psycopg.Connection, event: Event, tmp_path: Path
) -> None:
    """The command line finds nothing in votes that came by HTTP; it says what it looked for, where, and the result."""
    mint, kept = TokenMint(tmp_path), tmp_path / "receipts.txt"
    with command_process(tmp_path, database.url("vote_command"), mint) as command:
        async with aiohttp.ClientSession(command.url) as session:
            voter = mint.voter()
            _, ack = await submit(session, voter, {**vote_of(voter, event), "meta": {"device_id": "d", "region": "DE"}})
    kept.write_text(ack["vote_id"])
    (tmp_path / "receipt-keys").write_text(json.dumps({"1": RECEIPT_KEY.hex()}))
    (tmp_path / "seal-keys").write_text(json.dumps({"1": SEAL_KEY.hex()}))
    owner.execute("INSERT INTO tallies VALUES (%s, 1, 4)", [event.event_no])
    close(owner, event)
    env = {
        **os.environ,
        "DATABASE_URL": database.url("vote_auditor"),
        "SEAL_KEYS_FILE": str(tmp_path / "seal-keys"),
        "RECEIPT_KEYS_FILE": str(tmp_path / "receipt-keys"),
    }

    def audit(*words: str) -> subprocess.CompletedProcess[str]:
        command_line = [sys.executable, "-m", "ops.auditor", event.event_id, "--receipts", str(kept), *words]
        return python_process.run(command_line, env)

    said = audit("--page", str(tmp_path / "page.html"), "--metrics", str(tmp_path / "audit.prom"))
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("4 votes, 1 receipts: nothing was found\n")
    [told] = [line for line in said.stdout.splitlines() if line.startswith(f"vote  vote_id {ack['vote_id']}, ")]
    assert "contestant_name C1, " in told
    assert told.endswith("seal_is_own True")
    assert "100.0000 %  C1" in said.stdout
    findings = (tmp_path / "audit.prom").read_text()
    assert f'vote_audit_findings{{event_id="{event.event_id}",finding="{SEALS}"}} 0.0\n' in findings
    page = (tmp_path / "page.html").read_text()
    assert "4 votes, 1 receipts: nothing was found" in page
    assert "WAL position" in page
    owner.execute("SELECT void_event(%s, 'A line was dead', NULL)", [event.event_id])
    void = audit().stdout
    assert void.startswith("4 votes, 1 receipts: nothing was found; this round is void: it has no result\n")
    assert "Void: A line was dead\n" in void
    kept.write_text("7d3b4c52-0000-4000-8000-000000000000")
    found = audit("--json")
    assert found.returncode == 1
    assert [check["found"] for check in json.loads(found.stdout)["checks"] if check["total"]] == [
        [{"vote_id": kept.read_text(), "why": "no receipt of a vote in this event"}]
    ]
    kept.write_text("hello")
    found = audit()
    assert (found.returncode, "vote_id hello, why no receipt of a vote in this event" in found.stdout) == (1, True)


def test_an_auditor_asks_by_psql(database: Database, event: Event, owner: psycopg.Connection) -> None:
    """Each file runs as its head says, and those that look for findings say nothing of a sound event."""
    owner.execute("INSERT INTO tallies VALUES (%s, 1, 3)", [event.event_no])
    values = {
        "event_no": str(event.event_no),
        "event_id": f"'{event.event_id}'",
        "voters": "'{\"\\\\x000000000000000000000000\"}'",
    }
    variables = [word for name, value in values.items() for word in ("-v", f"{name}={value}")]
    lines = {}
    for file in sorted((PROJECT / "sql" / "audit").glob("*.sql")):
        asking = ["-c", r"\prompt seed: voter_seed"] if ":voter_seed" in file.read_text() else []
        words = [str(BIN / "psql"), "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", *variables, *asking, "-f", str(file)]
        done = subprocess.run(
            [*words, database.url("vote_auditor")], check=False, capture_output=True, text=True, input="\\x00\n"
        )
        assert (done.returncode, done.stderr) == (0, "seed:" if asking else ""), file
        lines[int(file.name[:2])] = done.stdout.splitlines()
    assert all(not lines[each.number] for each in questions().values() if each.is_finding)
    assert (len(lines[10]), len(lines[20]), len(lines[21]), lines[22], len(lines[25])) == (1, 3, 2, [], 1)
    assert [line.split("|")[3] for line in lines[24]] == ["event.create", "event.open"]


def test_a_seed_is_in_no_statement(database: Database, event: Event, owner: psycopg.Connection) -> None:
    """Who watches the server sees statements, and those of a psql that is left open for long."""
    [file] = (PROJECT / "sql" / "audit").glob("22_*.sql")
    words = ["-v", f"event_no={event.event_no}", "-c", r"\prompt voter_seed", "-f", str(file), "-f", "-"]
    newest = "SELECT query FROM pg_stat_activity WHERE usename = 'vote_auditor' AND state = 'idle' AND query ~ 'sha256'"
    with subprocess.Popen(
        [str(BIN / "psql"), "-X", *words, database.url("vote_auditor")], stdin=subprocess.PIPE, text=True
    ) as psql:
        assert psql.stdin
        psql.stdin.write("\\x5eed5eed\n")
        psql.stdin.flush()
        eventually(lambda: owner.execute(newest).fetchone() is not None, "it is answered")
        asked = owner.execute(newest).fetchone()
    assert asked
    assert "5eed5eed" not in asked[0]


def test_a_question_that_can_not_be_asked_fails(database: Database, tmp_path: Path) -> None:
    """The runbooks' word for it has psql's exit code of an error in a script."""
    environment = {**os.environ, "DATABASE_URL": database.url("vote_auditor"), "DATA_DIR": str(tmp_path)}
    words = ["bash", "-c", "source ops/runbooks/shell.sh; ask 21"]
    done = subprocess.run(words, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")


def test_the_vote_of_a_person_is_found_by_their_seed(
    database: Database, event: Event, owner: psycopg.Connection
) -> None:
    """SQL makes the pseudonym as the contract does."""
    seed = b"s" * 32
    cast_sealed(owner, event, [voter_of(seed, event.event_no)], contestant_no=2)
    with psycopg.connect(database.url("vote_auditor")) as auditor:
        answer = questions()[22].ask(auditor, event_no=event.event_no, voter_seed=seed)
    assert [(row["voter"], row["contestant_no"]) for row in answer] == [(voter_of(seed, event.event_no).hex(), 2)]


def test_it_can_be_done_by_several_processes(database: Database, owner: psycopg.Connection) -> None:
    """Partition by partition beside each other, under one snapshot, each row once."""
    event = make_event(owner, expected_votes=10_000_000)
    cast_sealed(owner, event, [number.to_bytes(12, "big") for number in range(1000)])
    url, keys = database.url("vote_auditor"), Keys({1: SEAL_KEY}, {1: RECEIPT_KEY})
    sums = set()
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        audit = EventAudit(url, connection, UUID(event.event_id))
        assert audit.event["partitions"] > 1
        for jobs in (1, 2):
            report = audit.run(keys, [], jobs, lambda *_: None)
            owner.execute("DELETE FROM votes WHERE event_no = %s", [event.event_no])  # after the snapshot
            assert (report.rows, report.sound) == (1000, True)
            sums.add(report.seal_sum)
    assert len(sums) == 1


@pytest.mark.parametrize("tallied", [3, 2, 4, 0])
def test_an_event_that_is_over_has_the_rows_that_were_counted(
    audit: Audit, owner: psycopg.Connection, event: Event, tallied: int
) -> None:
    """One that goes on may be ahead of its tallies; when it is over and fanout knows it, a difference is a finding."""
    if tallied:
        owner.execute("INSERT INTO tallies VALUES (%s, 1, %s)", [event.event_no, tallied])
    found = {TALLIES: [{"contestant_no": 1, "rows": 3, "counted": tallied}]}
    assert audit() == (found if tallied > 3 else {})
    close(owner, event)
    for age in ("1 hour", "0 seconds"):  # its last one before the close, and one that may have been made with it
        owner.execute("DELETE FROM fanout_checkpoint")
        owner.execute("INSERT INTO fanout_checkpoint VALUES ('main', 1, 7, 1, '0/1000', now() - %s::interval)", [age])
        assert audit() == (found if tallied > 3 else {})
    owner.execute("UPDATE fanout_checkpoint SET written_at = now() + interval '1 minute'")
    assert audit() == ({} if tallied == 3 else found)


def test_an_archived_event_is_said_to_be(audit: Audit, owner: psycopg.Connection, event: Event) -> None:
    """There is nothing to audit in the ledger; it says where to look."""
    owner.execute(sql.SQL("ALTER TABLE votes DETACH PARTITION {}").format(sql.Identifier(f"votes_e{event.event_no}")))
    with pytest.raises(LookupError, match=r"are archived: .* by 060"):
        audit()


@pytest.mark.parametrize(
    "statement",
    ["DROP TABLE {leaf}", "ALTER TABLE {leaf} RENAME TO other", "ALTER TABLE {parent} DETACH PARTITION {leaf}"],
)
def test_a_partition_that_is_gone_is_found(
    audit: Audit, owner: psycopg.Connection, event: Event, statement: str
) -> None:
    """However small the event is; the audit goes on to its end."""
    parent, leaf = sql.Identifier(f"votes_e{event.event_no}"), sql.Identifier(f"votes_e{event.event_no}_p0")
    owner.execute(sql.SQL(statement).format(parent=parent, leaf=leaf))
    found = audit()
    assert [(row["partition"], row["is_there"]) for row in found[LEAVES]] == [(f"votes_e{event.event_no}_p0", False)]
    assert ("RENAME" in statement) == (RECEIPTS not in found)


def test_a_vote_in_a_pause_is_found(audit: Audit, owner: psycopg.Connection, event: Event) -> None:
    """The log of acts says when voting was open."""
    for action in ("event.pause", "event.resume"):
        owner.execute("INSERT INTO audit_log (action, event_id) VALUES (%s, %s)", [action, event.event_id])
    owner.execute("UPDATE audit_log SET at = at - interval '1 hour' WHERE action = 'event.pause'")
    assert len(audit()[HOURS]) == 3
