"""The life of an event by the DBA's scripts, each of which may be run twice, beside an event that is voted in."""

import os
import shlex
import shutil
from pathlib import Path

import psycopg
import pytest

from ops.rig.database import Database
from ops.rig.dba_scripts import psql, run_script, words_of
from ops.rig.event import change_status, make_event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.oracle import check_agreement, counts_in_checkpoint, counts_in_ledger
from ops.rig.votes import Crowd, cast
from tests.integration.closed_event import archived, closed_event, make_fit, refused, rows_of

LIFE = [  # each script, and what it is told
    ("001_create_ahead.sql", ""),
    ("002_check.sql", ""),
    ("003_tune.sql", "event_no"),
    ("004_rehash.sql", "event_no modulus"),
    ("010_sizes.sql", ""),
    ("012_freeze_closed.sql", "event_no"),
    ("015_archive.sql", "event_no folder"),
    ("020_detach_event.sql", "event_no"),
    ("030_attach_event.sql", "event_no"),
    ("040_drop_evidence.sql", "event_no"),
    ("020_detach_event.sql", "event_no"),
    ("050_drop_event.sql", "event_no folder keep_days"),
    ("060_restore.sql", "event_no folder"),
]


def test_a_whole_life_beside_an_event_that_is_voted_in(
    database: Database, owner: psycopg.Connection, redis_url: str, tmp_path: Path
) -> None:
    """Every script twice, in the order of their numbers: the other event is voted in, and nothing is counted twice."""
    live, event = make_event(owner), make_event(owner, expected_votes=1000)
    cast(owner, event, 1, 5)
    cast(owner, event, 2, 7)
    values = {"event_no": event.event_no, "folder": tmp_path / "archive", "modulus": 4, "keep_days": 0}
    counted = {(event.event_no, 1): 5, (event.event_no, 2): 7}
    crowd, epoch = Crowd(database, [live]), "SELECT epoch FROM fanout_checkpoint"
    with FanoutProcess(database.url("vote_fanout"), redis_url).running():
        change_status(owner, event.event_id, "close")
        eventually(lambda: counted.items() <= counts_in_checkpoint(database).items(), "the event is counted")
        before = owner.execute(epoch).fetchall()
        with crowd.voting():
            for script, names in LIFE:
                for _ in range(2):
                    run_script(database, script, **{name: values[name] for name in names.split()})
                crowd.wait_for(1)
        assert owner.execute(epoch).fetchall() == before, "something made fanout count anew"
        assert counted.items() <= counts_in_ledger(database).items()
        check_agreement(database, redis_url, [live, event])
    run_script(database, "002_check.sql")


def test_what_an_event_lacks_is_named_and_made(ledger: Database, dba: psycopg.Connection) -> None:
    """002 names a missing leaf, a missing table and an index that is gone; 001 makes the tables, once."""
    event = make_event(dba, "draft", expected_votes=500_000)
    no = event.event_no
    dba.execute(f"DROP TABLE votes_e{no}_p2; DROP TABLE vote_rejections_e{no}; DROP TABLE vote_evidence_e{no}".encode())
    found = psql(ledger, "002_check.sql")
    lacking = [f"votes_e{no}_p2", f"vote_rejections_e{no}", f"vote_evidence_e{no}"]
    assert found.returncode != 0
    assert sorted(line.split("|")[1] for line in found.stdout.splitlines() if "|" in line) == sorted(lacking)
    for _ in range(2):
        run_script(ledger, "001_create_ahead.sql")
    run_script(ledger, "002_check.sql")
    change_status(dba, event.event_id, "open")
    cast(dba, event, 1, 40)


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        ("ALTER TABLE votes DETACH PARTITION votes_e{no}", "votes are refused: attach it by 030"),
        ("ALTER TABLE votes_e{no}_p0 RENAME TO votes_e{no}_p7", "is missing"),
        ("UPDATE events SET modulus = 2 WHERE event_no = {no}", "its event the modulus 2"),
        ("ALTER TABLE votes_e{no} RENAME TO votes_e{no}_old", "interrupted 004"),
        ("UPDATE pg_index SET indisvalid = false WHERE indrelid = 'votes_e{no}_p0'::regclass", "no valid index"),
        ("CREATE TABLE votes_e9999 ()", "is of no event"),
    ],
)
def test_damage_is_named(ledger: Database, dba: psycopg.Connection, damage: str, finding: str) -> None:
    """002 says what is wrong and what to do."""
    event = make_event(dba, expected_votes=1000)
    dba.execute("SET allow_system_table_mods = on")
    dba.execute(damage.format(no=event.event_no).encode())
    found = psql(ledger, "002_check.sql")
    dba.execute("DROP TABLE IF EXISTS votes_e9999")
    assert found.returncode != 0
    assert finding in found.stdout
    for table in (f"votes_e{event.event_no}", f"votes_e{event.event_no}_old"):
        dba.execute(f"DROP TABLE IF EXISTS {table}".encode())
    dba.execute("UPDATE events SET modulus = 1 WHERE event_no = %s", [event.event_no])
    run_script(ledger, "001_create_ahead.sql")


def test_leaves_are_tuned(ledger: Database, dba: psycopg.Connection) -> None:
    """003 sets what is given of each leaf; an open event isn't moved to another disk."""
    event = make_event(dba, expected_votes=1000)
    run_script(ledger, "003_tune.sql", event_no=event.event_no, fillfactor=90)
    options = dba.execute(
        "SELECT reloptions FROM pg_class WHERE relname = %s", [f"votes_e{event.event_no}_p0"]
    ).fetchone()
    assert options == (
        ["fillfactor=90", "autovacuum_vacuum_insert_threshold=-1", "autovacuum_analyze_scale_factor=0.5"],
    )
    refused(ledger, "003_tune.sql", "is open", event_no=event.event_no, tablespace="pg_default")


def test_an_event_is_rehashed(ledger: Database, dba: psycopg.Connection) -> None:
    """004 keeps every row, also when it goes on after an interruption; an open event and fewer leaves are refused."""
    event, live = closed_event(dba), make_event(dba)
    before, no = rows_of(dba, event), event.event_no
    refused(ledger, "004_rehash.sql", "is open", event_no=live.event_no, modulus=64)
    refused(ledger, "004_rehash.sql", "must grow", event_no=no, modulus=0)
    dba.execute(f"ALTER TABLE votes DETACH PARTITION votes_e{no}".encode())
    dba.execute(f"SET ROLE vote_ledger_owner; CREATE TABLE votes_e{no}_new (); RESET ROLE".encode())
    run_script(ledger, "004_rehash.sql", event_no=no, modulus=4)
    assert rows_of(dba, event) == before
    assert dba.execute("SELECT modulus FROM events WHERE event_no = %s", [no]).fetchone() == (4,)
    run_script(ledger, "002_check.sql")


def test_a_rehash_that_was_killed_is_ended(ledger: Database, dba: psycopg.Connection) -> None:
    """004 goes on where an old table was left, and attaches one whose detachment was broken off."""
    event = closed_event(dba)
    before, no = rows_of(dba, event), event.event_no
    run_script(ledger, "004_rehash.sql", event_no=no, modulus=2)
    dba.execute(f"SET ROLE vote_ledger_owner; CREATE TABLE votes_e{no}_old (); RESET ROLE".encode())
    run_script(ledger, "004_rehash.sql", event_no=no, modulus=4)
    assert rows_of(dba, event) == before
    with psycopg.connect(ledger.url()) as reader:
        reader.execute("SELECT FROM votes LIMIT 1")
        dba.execute("SET lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            dba.execute(f"ALTER TABLE votes DETACH PARTITION votes_e{no} CONCURRENTLY".encode())
    assert rows_of(dba, event)[0] == []
    run_script(ledger, "004_rehash.sql", event_no=no, modulus=4)
    assert rows_of(dba, event) == before
    run_script(ledger, "002_check.sql")


def test_a_closed_event_is_frozen(ledger: Database, dba: psycopg.Connection) -> None:
    """012 leaves no page that Postgres would have to come back for."""
    event = closed_event(dba)
    run_script(ledger, "012_freeze_closed.sql", event_no=event.event_no)
    pages = "SELECT relpages, relallfrozen FROM pg_class WHERE relname = %s"
    assert dba.execute(pages, [f"votes_e{event.event_no}_p0"]).fetchone() == (1, 1)


def test_an_event_comes_back_from_its_archive(ledger: Database, dba: psycopg.Connection, tmp_path: Path) -> None:
    """What 060 restores is what 050 dropped, and is archived to the same bytes again."""
    event = closed_event(dba)
    before = rows_of(dba, event)
    values = {"event_no": event.event_no, "folder": archived(ledger, event, tmp_path / "one")}
    run_script(ledger, "050_drop_event.sql", **values, keep_days=0)
    assert rows_of(dba, event) == [[], [], []]
    run_script(ledger, "060_restore.sql", **values)
    assert rows_of(dba, event) == before
    run_script(ledger, "015_archive.sql", event_no=event.event_no, folder=tmp_path / "two")
    for name in ("votes.csv", "vote_rejections.csv", "vote_evidence.csv", "tallies.csv"):
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_nothing_is_dropped_without_a_whole_archive(ledger: Database, dba: psycopg.Connection, tmp_path: Path) -> None:
    """050 refuses an archive with one byte changed, a manifest made to fit, and an archive that lacks something."""
    event, other = closed_event(dba), closed_event(dba)
    before = rows_of(dba, event)
    no, foreign = event.event_no, archived(ledger, other, tmp_path / "other")
    values = {"event_no": no, "folder": tmp_path / "archive", "keep_days": 0}
    refused(ledger, "050_drop_event.sql", "is not detached", **values)
    folder = archived(ledger, event, tmp_path / "archive")
    refused(ledger, "050_drop_event.sql", "is to be kept", **{**values, "keep_days": 1})
    refused(ledger, "050_drop_event.sql", "is not of event", **{**values, "folder": foreign})
    votes, manifest = folder / "votes.csv", folder / "manifest.json"
    good = {file: file.read_bytes() for file in (votes, manifest)}
    votes.write_bytes(good[votes].replace(b",1,,", b",2,,", 1))
    refused(ledger, "050_drop_event.sql", "not what the manifest says", **values)
    make_fit(manifest, good[votes], votes.read_bytes())
    refused(ledger, "050_drop_event.sql", "do not hold the same rows", **values)
    for file, content in good.items():
        file.write_bytes(content)
    (folder / "vote_evidence.csv").unlink()
    refused(ledger, "050_drop_event.sql", "do not hold the same rows", **values)
    run_script(ledger, "030_attach_event.sql", event_no=no)
    assert rows_of(dba, event) == before


def test_what_was_attached_meanwhile_is_not_dropped(
    ledger: Database, dba: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """050 looks again when nobody can attach the event any more: a drop from the tree would lock out all who vote."""
    event = closed_event(dba)
    before, folder = rows_of(dba, event), archived(ledger, event, tmp_path / "archive")
    digests = tmp_path / "sha256sum"  # 050 calls it between its look and the drop
    attach = shlex.join(words_of(ledger, "030_attach_event.sql", event_no=event.event_no))
    digests.write_text(f'#!/bin/sh\n{attach} >&2 && exec {shutil.which("sha256sum")} "$@"\n')
    digests.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    refused(ledger, "050_drop_event.sql", "was attached meanwhile", event_no=event.event_no, folder=folder, keep_days=0)
    assert rows_of(dba, event) == before


def test_an_archive_made_to_fit_is_not_restored(ledger: Database, dba: psycopg.Connection, tmp_path: Path) -> None:
    """060 refuses another manifest than 050 noted, though the tallies fit; and votes that aren't what was counted."""
    event = closed_event(dba)
    folder = archived(ledger, event, tmp_path / "archive")
    values = {"event_no": event.event_no, "folder": folder}
    run_script(ledger, "050_drop_event.sql", **values, keep_days=0)
    votes, manifest = folder / "votes.csv", folder / "manifest.json"
    good, noted = votes.read_bytes(), manifest.read_text()
    swapped = good.replace(b",1,,", b",0,,", 1).replace(b",2,,", b",1,,", 1).replace(b",0,,", b",2,,", 1)
    for content in (good.replace(b",1,,", b",2,,", 1), swapped):
        votes.write_bytes(content)
        manifest.write_text(noted)
        make_fit(manifest, good, content)
        refused(ledger, "060_restore.sql", "not the one that 050 noted", **values)
        if content != swapped:
            refused(ledger, "060_restore.sql", "are not what the stored tallies", **values, other_manifest=1)
    assert rows_of(dba, event) == [[], [], []]
    run_script(ledger, "060_restore.sql", **values, other_manifest=1)  # the DBA has said that it is known
    assert len(rows_of(dba, event)[0]) == 12
