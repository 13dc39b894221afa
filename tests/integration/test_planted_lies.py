"""Each lie that somebody with a superuser's rights can plant in the ledger is found, and named, by ./ops/audit."""

import re
from collections.abc import Iterable, Mapping
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from ops.auditor.event_audit import EventAudit, Keys
from ops.auditor.questions import questions
from ops.rig.database import Database
from ops.rig.event import Event, change_status, make_event
from ops.rig.people import RECEIPT_KEY, SEAL_KEY
from ops.rig.running_stack import PROJECT
from ops.rig.votes import cast_sealed

SEALS = "Has any row another seal than its own?"
BALLOT = "Is the ballot what it was when the event opened?"
TWICE, TALLIES, HOURS, UNKNOWN, LEAVES, RECEIPTS, VANISHED, LOG = (
    questions()[number].title for number in range(30, 38)
)
_TABLE = re.compile(r"^\| ([^|]+) \| ([^|]+) \|", re.MULTILINE)

# What is done by SQL to an event that is over, with two votes for its first contestant and one for the second, each
# counted and with its receipt handed in; and how many findings name it.
_ADDED = """INSERT INTO votes (voted_at, device, event_no, contestant_no, region, voter, seal)
    SELECT voted_at, device, event_no, contestant_no, region, substr(sha256('forged'), 1, 12), {seal}
    FROM votes WHERE event_no = {no} ORDER BY voter LIMIT 1"""
_FIRST = "event_no = {no} AND voter = (SELECT min(voter) FROM votes WHERE event_no = {no})"
_SWAP = """UPDATE contestants c SET contestant_name = o.contestant_name FROM contestants o
    WHERE c.event_no = {no} AND o.event_no = {no} AND o.contestant_no = 3 - c.contestant_no"""
LIES: dict[str, tuple[str, dict[str, int]]] = {
    "a row added": (_ADDED.replace("{seal}", "substr(sha256('guess'), 1, 16)"), {SEALS: 1, TALLIES: 1}),
    "the same person twice, by a forged pseudonym": (_ADDED.replace("{seal}", "seal"), {SEALS: 1, TALLIES: 1}),
    "a row altered": ("UPDATE votes SET contestant_no = 2 WHERE {first}", {SEALS: 1, TALLIES: 2}),
    "a row's time altered": (
        "UPDATE votes SET voted_at = voted_at + interval '1 microsecond' WHERE event_no = {no}", {SEALS: 3}
    ),
    "a row's region altered": ("UPDATE votes SET region = 'FR' WHERE event_no = {no}", {SEALS: 3}),
    "a row deleted": ("DELETE FROM votes WHERE {first}", {TALLIES: 1, RECEIPTS: 1}),
    "a row deleted, and its tally edited": (
        "DELETE FROM votes WHERE {first}; UPDATE tallies SET votes = 1 WHERE event_no = {no} AND contestant_no = 1",
        {RECEIPTS: 1},
    ),
    "a wrong seal": ("UPDATE votes SET seal = substr(sha256('guess'), 1, 16) WHERE {first}", {SEALS: 1}),
    "two rows' seals swapped": (
        """UPDATE votes v SET seal = o.seal FROM votes o WHERE v.event_no = {no} AND o.event_no = {no}
           AND v.voter <> o.voter AND v.contestant_no = 1 AND o.contestant_no = 1""",
        {SEALS: 2},
    ),
    "two contestants' rows swapped": (
        "UPDATE votes SET contestant_no = 3 - contestant_no WHERE event_no = {no}", {SEALS: 3, TALLIES: 2}
    ),
    "two contestants' names swapped": ("{swap}", {BALLOT: 1}),
    "two contestants' names swapped, and the opening emptied": (
        "{swap}; UPDATE events SET opened_at = NULL WHERE event_no = {no}", {BALLOT: 1, LOG: 1}
    ),
    "two contestants' names swapped, and the ballot's function replaced": (
        """CREATE TABLE kept AS SELECT ballot_of({no}) AS ballot; GRANT SELECT ON kept TO vote_auditor;
            CREATE OR REPLACE FUNCTION ballot_of(p_event_no int) RETURNS text LANGUAGE sql AS 'SELECT ballot FROM kept';
            {swap}""",
        {BALLOT: 1},
    ),
    "two voters' choices swapped, and the seals' function replaced": (
        """CREATE TABLE kept AS SELECT sealed_rows({no}, 0) AS row; GRANT SELECT ON kept TO vote_ledger_owner;
           CREATE OR REPLACE FUNCTION sealed_rows(p_event_no int, p_leaf int) RETURNS SETOF bytea
               LANGUAGE sql SECURITY DEFINER AS 'SELECT row FROM kept';
           UPDATE votes SET contestant_no = 3 - contestant_no
           WHERE event_no = {no} AND voter IN (SELECT unnest(ARRAY[min(voter), max(voter)]) FROM votes)""",
        {SEALS: 2},
    ),
    "the event's name altered": (
        "UPDATE events SET event_name = 'Another' WHERE event_no = {no}", {BALLOT: 1, LOG: 1}
    ),
    "the ballot's seal removed": ("UPDATE events SET ballot_seal = NULL WHERE event_no = {no}", {BALLOT: 1}),
    "a vote for nobody on the ballot": (
        "UPDATE votes SET contestant_no = 77 WHERE {first}", {SEALS: 1, TALLIES: 2, UNKNOWN: 1}
    ),
    "a tally edited": ("UPDATE tallies SET votes = 5 WHERE event_no = {no} AND contestant_no = 1", {TALLIES: 1}),
    "a vote moved to after the close": (
        "UPDATE votes SET voted_at = voted_at + interval '1 hour' WHERE {first}", {SEALS: 1, HOURS: 1}
    ),
    "a partition truncated": ("TRUNCATE votes_e{no}_p0", {TALLIES: 2, RECEIPTS: 3, VANISHED: 1}),
    "a partition dropped": ("DROP TABLE votes_e{no}_p0", {TALLIES: 2, RECEIPTS: 3, LEAVES: 1, VANISHED: 1}),
    "an event without rows, and without tallies": (
        "DELETE FROM votes WHERE event_no = {no}; DELETE FROM tallies WHERE event_no = {no}", {RECEIPTS: 3, VANISHED: 1}
    ),
}  # fmt: skip


def findings(database: Database, event: Event, receipts: Iterable[str] = ()) -> Mapping[str, int]:
    """How much was found, by title."""
    url = database.url("vote_auditor")
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        audit = EventAudit(url, connection, UUID(event.event_id))
        report = audit.run(Keys({1: SEAL_KEY}, {1: RECEIPT_KEY}), receipts, 1, lambda *_: None)
    return {check.title: check.total for check in report.checks if check.total}


def close(owner: psycopg.Connection, event: Event) -> None:
    """End it; fanout has stored its counts since."""
    change_status(owner, event.event_id, "close")
    owner.execute(
        "INSERT INTO tallies SELECT event_no, contestant_no, count(*) FROM votes WHERE event_no = %s GROUP BY 1, 2",
        [event.event_no],
    )
    owner.execute("INSERT INTO vote_assurances SELECT event_no, 'password', sum(votes) FROM tallies GROUP BY 1")
    owner.execute("INSERT INTO fanout_checkpoint VALUES ('main', 1, 7, 1, '0/1000', now() + interval '1 minute')")


@pytest.fixture
def receipts(owner: psycopg.Connection, event: Event) -> list[str]:
    """Of three votes; the event is over."""
    kept = [
        *cast_sealed(owner, event, [bytes([number]) * 12 for number in range(2)]),
        *cast_sealed(owner, event, [b"2" * 12], contestant_no=2),
    ]
    close(owner, event)
    return kept


@pytest.fixture
def event(owner: psycopg.Connection) -> Event:
    return make_event(owner, expected_votes=1)


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_found(
    database: Database, owner: psycopg.Connection, event: Event, receipts: list[str], lie: str
) -> None:
    """Even a superuser can't add, copy, alter, swap, move, delete or edit anything unnoticed."""
    assert findings(database, event, receipts) == {}
    statements, told = LIES[lie]
    for statement in statements.split(";"):
        whole = statement.replace("{first}", _FIRST).replace("{swap}", _SWAP)
        owner.execute(whole.replace("{no}", str(event.event_no)).encode())
    assert findings(database, event, receipts) == told


def test_a_vote_after_the_close_is_found(
    database: Database, owner: psycopg.Connection, event: Event, receipts: list[str]
) -> None:
    """Also by who holds the seal key: its time tells, and the tally."""
    cast_sealed(owner, event, [b"late" * 3])
    assert findings(database, event, receipts) == {HOURS: 1, TALLIES: 1}


def test_a_vote_moved_to_another_event_is_found(
    database: Database, owner: psycopg.Connection, event: Event, receipts: list[str]
) -> None:
    """It is missed where it was, and has no right seal where it is."""
    other = make_event(owner)
    owner.execute("UPDATE votes SET event_no = %s WHERE event_no = %s", [other.event_no, event.event_no])
    assert findings(database, event, receipts) == {TALLIES: 2, RECEIPTS: 3, VANISHED: 1}
    assert findings(database, other)[SEALS] == 3


def test_a_key_that_was_dropped_lets_a_vote_in_twice(
    database: Database, owner: psycopg.Connection, event: Event, receipts: list[str]
) -> None:
    """A true copy of a row has a true seal: that it is there twice is said."""
    leaf = sql.Identifier(f"votes_e{event.event_no}_p0")
    owner.execute("ALTER TABLE votes DROP CONSTRAINT votes_pkey")
    owner.execute(sql.SQL("INSERT INTO {leaf} SELECT * FROM {leaf} LIMIT 1").format(leaf=leaf))
    assert findings(database, event, receipts) == {TWICE: 1, TALLIES: 1}


def test_one_of_many_partitions_truncated_is_found(database: Database, owner: psycopg.Connection) -> None:
    """Without a receipt and while the event goes on, when no tally is final yet: the others say what it should hold."""
    event = make_event(owner, expected_votes=10_000_000)
    cast_sealed(owner, event, [number.to_bytes(12, "big") for number in range(3000)])
    assert findings(database, event) == {}
    owner.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(f"votes_e{event.event_no}_p3")))
    assert findings(database, event) == {LEAVES: 1}


def test_the_auditor_s_table_names_each_lie_and_its_findings() -> None:
    """sql/audit/README.md says the same as these tests."""
    table = dict(_TABLE.findall((PROJECT / "sql" / "audit" / "README.md").read_text()))
    for lie, (_, told) in LIES.items():
        assert sorted(table[lie].split("<br>")) == sorted(told), lie
