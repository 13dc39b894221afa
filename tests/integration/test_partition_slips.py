"""What goes wrong around the DBA's scripts: wrong calls, a migration meanwhile, lost votes, leaves detached by hand."""

from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from ops.rig.database import Database
from ops.rig.dba_scripts import psql, run_script
from ops.rig.event import Event, make_event
from tests.integration.closed_event import archived, closed_event, refused, rows_of


def mend(dba: psycopg.Connection, ledger: Database, table: str) -> None:
    """Do what 002 says of the table: the statements stand in its line."""
    found = psql(ledger, "002_check.sql")
    assert found.returncode == 3
    [line] = [line for line in found.stdout.splitlines() if f"|{table}|" in line and "ALTER TABLE" in line]
    dba.execute(line[line.index("ALTER TABLE") :].encode())


def break_off_detachment(ledger: Database, dba: psycopg.Connection, event: Event) -> None:
    """It waits for a reader, and is given up."""
    with psycopg.connect(ledger.url()) as reader:
        reader.execute("SELECT FROM votes LIMIT 1")
        dba.execute("SET lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            dba.execute(f"ALTER TABLE votes DETACH PARTITION votes_e{event.event_no} CONCURRENTLY".encode())


def test_wrong_calls_are_told_in_words(
    ledger: Database, dba: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each script names what it wasn't given, and an event that isn't there; nothing is written anywhere."""
    monkeypatch.chdir(tmp_path)
    event = closed_event(dba)
    no = event.event_no
    refused(ledger, "003_tune.sql", "ERROR:  the script needs -v event_no=7, as its head says")
    refused(ledger, "012_freeze_closed.sql", "needs -v event_no=", event_no="seven")
    refused(ledger, "003_tune.sql", "the ledger has no event 999", event_no=999)
    refused(ledger, "004_rehash.sql", "needs -v modulus=", event_no=no)
    refused(ledger, "015_archive.sql", "needs -v folder=", event_no=no)
    refused(ledger, "015_archive.sql", "needs -v folder=", event_no=no, folder="")
    refused(ledger, "050_drop_event.sql", "needs -v folder=/archive/7 -v keep_days=90", event_no=no)
    assert list(tmp_path.iterdir()) == []
    folder = archived(ledger, event, tmp_path / "archive")
    refused(ledger, "015_archive.sql", "is not of event", event_no=closed_event(dba).event_no, folder=folder)
    run_script(ledger, "050_drop_event.sql", event_no=no, folder=folder, keep_days=0)
    refused(ledger, "060_restore.sql", "no readable manifest.json", event_no=no, folder=tmp_path)
    for script in ("003_tune.sql", "030_attach_event.sql"):
        refused(ledger, script, "has no table of votes", event_no=no)


def test_a_migration_may_come_between(ledger: Database, dba: psycopg.Connection, tmp_path: Path) -> None:
    """Archives from before it are read, into the columns of now; 002 says how a table that was detached gets them."""
    events = dropped, detached, later = [closed_event(dba) for _ in range(3)]
    before = [len(rows_of(dba, event)[0]) for event in events]
    folders = [archived(ledger, event, tmp_path / str(event.event_no)) for event in (dropped, detached)]
    folders.append(tmp_path / "later")
    calls = [{"event_no": event.event_no, "folder": folder} for event, folder in zip(events, folders, strict=True)]
    run_script(ledger, "050_drop_event.sql", **calls[0], keep_days=0)
    dba.execute("ALTER TABLE votes ADD COLUMN tried smallint DEFAULT 3")
    try:
        mend(dba, ledger, f"votes_e{detached.event_no}")
        run_script(ledger, "050_drop_event.sql", **calls[1], keep_days=0)
        archived(ledger, later, folders[2])
        for call in calls[:2]:
            run_script(ledger, "060_restore.sql", **call)
        tried = "SELECT DISTINCT tried FROM votes WHERE event_no = ANY (%s)"
        assert dba.execute(tried, [[dropped.event_no, detached.event_no]]).fetchall() == [(3,)]
    finally:
        dba.execute("ALTER TABLE votes DROP COLUMN tried")
    mend(dba, ledger, f"votes_e{later.event_no}")
    run_script(ledger, "050_drop_event.sql", **calls[2], keep_days=0)
    run_script(ledger, "060_restore.sql", **calls[2])
    assert [len(rows_of(dba, event)[0]) for event in events] == before


def test_lost_votes_are_no_new_result_by_themselves(ledger: Database, dba: psycopg.Connection) -> None:
    """030 refuses an event that is over and has other votes than were counted, unless told; its log has both."""
    event = closed_event(dba)
    no = event.event_no
    run_script(ledger, "020_detach_event.sql", event_no=no)
    dba.execute(sql.SQL("DELETE FROM {} WHERE contestant_no = 2").format(sql.Identifier(f"votes_e{no}")))
    refused(ledger, "030_attach_event.sql", '"stored" : 7, "found" : null', event_no=no)
    assert rows_of(dba, event) == [[], [], []]
    run_script(ledger, "030_attach_event.sql", event_no=no, recount=1)
    assert len(rows_of(dba, event)[0]) == 5
    noted = "SELECT after FROM audit_log WHERE event_id = %s AND action = 'event.recounted'"
    assert dba.execute(noted, [event.event_id]).fetchall() == [({"2": {"stored": 7, "found": None}},)]


def test_a_leaf_that_was_detached_is_found_before_a_rehash(ledger: Database, dba: psycopg.Connection) -> None:
    """004 leaves the event in the tree; 002 has the statement that puts the leaf back, also after a 020 and 030."""
    event = make_event(dba, "closed", expected_votes=500_000)
    no = event.event_no
    for was_out in (False, True):
        dba.execute(f"ALTER TABLE votes_e{no} DETACH PARTITION votes_e{no}_p1".encode())
        if was_out:
            run_script(ledger, "020_detach_event.sql", event_no=no)
            run_script(ledger, "030_attach_event.sql", event_no=no)
        refused(ledger, "004_rehash.sql", "002 says which", event_no=no, modulus=64)
        assert dba.execute("SELECT has_partition('votes', %s)", [no]).fetchone() == (True,)
        mend(dba, ledger, f"votes_e{no}_p1")
        run_script(ledger, "002_check.sql")


def test_what_waits_for_its_time_is_nothing_wrong(ledger: Database, dba: psycopg.Connection) -> None:
    """002 lists an event that is over and detached, and ends well; half detached, or open, it doesn't."""
    event = closed_event(dba)
    no = event.event_no
    run_script(ledger, "020_detach_event.sql", event_no=no)
    found = psql(ledger, "002_check.sql")
    assert (found.returncode, found.stdout.count("drop it by 050")) == (0, 3)
    dba.execute(f"ALTER TABLE vote_evidence ATTACH PARTITION vote_evidence_e{no} FOR VALUES IN ({no})".encode())
    found = psql(ledger, "002_check.sql")
    assert (found.returncode, found.stdout.count("but not all of its event")) == (3, 2)
    run_script(ledger, "030_attach_event.sql", event_no=no)


def test_one_detachment_at_a_time(ledger: Database, dba: psycopg.Connection) -> None:
    """020 names the event whose detachment isn't finished. What a 004 that runs has begun is no finding of 002."""
    broken, other = closed_event(dba), closed_event(dba)
    break_off_detachment(ledger, dba, broken)
    refused(ledger, "020_detach_event.sql", f"votes_e{broken.event_no} is being detached", event_no=other.event_no)
    with psycopg.connect(ledger.url()) as rehash:
        rehash.execute("SELECT pg_advisory_lock(event_lock_class(), %s)", [broken.event_no])
        run_script(ledger, "002_check.sql")
    assert psql(ledger, "002_check.sql").returncode == 3
    for event in (broken, other):
        run_script(ledger, "020_detach_event.sql", event_no=event.event_no)
        run_script(ledger, "030_attach_event.sql", event_no=event.event_no)
