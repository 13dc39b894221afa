"""What sql/PRIVACY.md says is so: who reads which column, and that the audit stays true when people are forgotten."""

import re
from pathlib import Path
from uuid import UUID

import psycopg

from contract.pseudonym import voter_of
from ops.auditor.archive import Archive
from ops.auditor.archive_audit import ArchiveAudit
from ops.auditor.event_audit import EventAudit, Keys
from ops.embedded.program_environment import IDENTITY_ROLES, LOGIN_ROLES
from ops.migrate import SQL
from ops.rig.database import Database
from ops.rig.dba_scripts import run_script
from ops.rig.event import change_status, make_event
from ops.rig.people import RECEIPT_KEY, SEAL_KEY
from ops.rig.rights import allowed_of
from ops.rig.votes import cast_sealed

KEYS = Keys({1: SEAL_KEY}, {1: RECEIPT_KEY})
Column = tuple[str, str]  # its table, and its name
_LOOK = 'SELECT "{}" FROM {} LIMIT 0'
_COLUMNS = """
    SELECT replace(c.relnamespace::regnamespace || '.', 'public.', '') || c.relname, a.attname
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace::regnamespace::text IN ('public', 'identity') AND c.relkind IN ('r', 'p', 'v', 'm')
      AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped"""


def columns_of(database: Database) -> set[Column]:
    with psycopg.connect(database.url()) as connection:
        return {(str(table), str(column)) for table, column in connection.execute(_COLUMNS).fetchall()}


def said(heading: str, columns: set[Column]) -> dict[Column, set[str] | None]:
    """Of one part of the page: who reads each personal column; None: it tells of no person."""
    part = (SQL / "PRIVACY.md").read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    stated: dict[Column, set[str] | None] = {}
    for line in re.findall(r"^\| `.*$", part, re.MULTILINE):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        [table], names = re.findall(r"`([\w.]+)`", cells[0]), set(re.findall(r"`(\w+)`", cells[1]))
        if cells[1] == "all":
            names = {column for of, column in columns if of == table}
        readers = set(re.findall(r"`(\w+)`", cells[4])) if len(cells) == 5 else None
        assert not stated.keys() & {(table, name) for name in names}, line
        stated |= {(table, name): readers for name in names}
    return stated


def readers_of(database: Database, roles: tuple[str, ...], columns: set[Column]) -> dict[Column, set[str]]:
    """Who is let through to each column, when each role that comes in tries all of them."""
    asked = {_LOOK.format(column, table): (table, column) for table, column in columns}
    readers: dict[Column, set[str]] = {column: set() for column in columns}
    for role in roles:
        for statement in allowed_of(database.url(role), asked):
            readers[asked[statement]].add(role)
    return readers


def test_the_page_says_who_reads_what(database: Database, identity_database: Database) -> None:
    """Each column of both databases stands in it, and is read by whom it names."""
    for where, heading, roles in (
        (database, "The ledger", LOGIN_ROLES),
        (identity_database, "The database of people", IDENTITY_ROLES),  # others can't even connect
    ):
        columns = columns_of(where)
        stated = said(heading, columns)
        assert stated.keys() == columns
        readers = readers_of(where, roles, columns)
        assert {column: readers[column] for column, named in stated.items() if named is not None} == {
            column: named for column, named in stated.items() if named is not None
        }


def test_forgetting_leaves_the_audit_true(
    database: Database, owner: psycopg.Connection, people: psycopg.Connection, tmp_path: Path
) -> None:
    """A person is erased, evidence dropped, the event archived and dropped: nothing is found, and every vote counts."""
    event, seed = make_event(owner, expected_votes=1), bytes(range(32))
    [(user_id,)] = people.execute(
        "INSERT INTO identity.users (username, email, mailbox, voter_seed)"
        " VALUES ('Ada Lovelace', 'ada@example.org', 'ada@example.org', %s) RETURNING user_id",
        [seed],
    ).fetchall()
    receipts = cast_sealed(owner, event, [voter_of(seed, event.event_no), *(bytes([no]) * 12 for no in range(4))])
    owner.execute(
        "INSERT INTO vote_evidence (event_no, votes, hits, block) VALUES (%s, 5, '[]', 'x')", [event.event_no]
    )
    pseudonym = "SELECT identity.voter_of(%s, %s)"
    assert people.execute(pseudonym, [user_id, event.event_no]).fetchone() == (voter_of(seed, event.event_no),)

    people.execute("SELECT identity.erase(%s, %s, now() + interval '1 day')", [user_id, bytes(32)])
    assert people.execute(pseudonym, [user_id, event.event_no]).fetchone() == (None,)
    for trace in ("Ada Lovelace", "ada@example.org", seed.hex()):
        assert tables_with(people, trace) == []
    assert audited(database, event.event_id, receipts) == 5

    change_status(owner, event.event_id, "close")
    owner.execute("INSERT INTO tallies VALUES (%s, 1, 5)", [event.event_no])
    folder = tmp_path / "archive"
    run_script(database, "015_archive.sql", event_no=event.event_no, folder=folder)
    Archive(folder).seal(SEAL_KEY)
    run_script(database, "040_drop_evidence.sql", event_no=event.event_no)
    (folder / "vote_evidence.csv").unlink()
    assert audited(database, event.event_id, receipts) == 5
    run_script(database, "020_detach_event.sql", event_no=event.event_no)
    run_script(database, "050_drop_event.sql", event_no=event.event_no, folder=folder, keep_days=0)
    report = ArchiveAudit(Archive(folder)).run(KEYS, receipts, lambda: None)
    assert (report.rows, [check.title for check in report.checks if check.total]) == (5, [])


def tables_with(people: psycopg.Connection, text: str) -> list[str]:
    """The tables of the database of people in which it stands anywhere."""
    tables = people.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'identity'").fetchall()
    looked = "SELECT FROM identity.{} t WHERE position(%s IN t::text) > 0 LIMIT 1"
    return [name for (name,) in tables if people.execute(looked.format(name).encode(), [text]).fetchall()]


def audited(database: Database, event_id: str, receipts: list[str]) -> int:
    """How many votes the audit has seen, once it has found nothing."""
    url = database.url("vote_auditor")
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        report = EventAudit(url, connection, UUID(event_id)).run(KEYS, receipts, 1, lambda *_: None)
    assert [check.title for check in report.checks if check.total] == []
    return report.rows
