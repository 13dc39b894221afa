"""./ops/backup and ./ops/restore where something is wrong: a clear line, an exit code, and nothing is lost."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ops.backups.source_server import PostgresPrograms
from ops.embedded import postgres_user
from ops.embedded.program_environment import with_login
from ops.embedded.refusal import CannotStart
from ops.rig.backups import Backups
from ops.rig.eventually import eventually
from ops.rig.postgres import RunningPostgres, empty_postgres, postgres_in
from ops.rig.server_setting import server_setting

SEGMENTS = "wal/*/[0-9A-F]*"
ARCHIVED = "SELECT flush_lsn >= pg_current_wal_lsn() FROM pg_stat_replication WHERE application_name = 'vote_backup'"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningPostgres]:
    """A server with a table, whose WAL is received."""
    with empty_postgres(tmp_path / "server", "summarize_wal = on") as running:
        running.execute("CREATE TABLE kept AS SELECT 'before' AS what")
        yield running


def refused(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    assert done.returncode == 1
    assert [word for word in words if word not in done.stderr] == [], done.stderr


def wait_for_archive(server: RunningPostgres) -> None:
    """Return when all that was written is there, a row more than before."""
    server.execute("INSERT INTO kept VALUES ('received')")
    eventually(lambda: server.execute(ARCHIVED) == [(True,)], "all of it is archived")


def test_what_is_damaged_is_refused(server: RunningPostgres, tmp_path: Path) -> None:
    """A changed byte, a segment that is gone, a folder that is there, a moment without backup; else all is restored."""
    backups, into = Backups(server.database.url(), tmp_path / "backups"), tmp_path / "restored"
    refused(backups.restore("latest", into), "has no WAL")
    with backups.receiver().running():
        assert backups.back_up().returncode == 0
        for _ in range(2):
            server.execute("SELECT pg_switch_wal()")
            server.execute("INSERT INTO kept VALUES ('after')")
        wait_for_archive(server)
    refused(backups.restore("2001-01-01T00:00:00Z", into), "oldest backup")
    refused(backups.restore("2101-01-01T00:00:00Z", into), "ends before that moment")
    refused(backups.restore("latest", tmp_path), "nothing is overwritten")
    [control] = backups.folder.glob("base/*/data/global/pg_control")
    whole = control.read_bytes()
    control.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    refused(backups.restore("latest", into), "pg_verifybackup", "global/pg_control")
    control.write_bytes(whole)
    gone = sorted(backups.folder.glob(SEGMENTS))[-2]
    content = gone.read_bytes()
    for sound in (0, 256):  # bytes: nothing of it, and the beginning of its records
        gone.write_bytes(content[:sound].ljust(len(content), b"\0"))
        refused(backups.restore("latest", into), "damaged")
    gone.write_bytes(content)
    gone.rename(tmp_path / gone.name)
    refused(backups.restore("latest", into), gone.name, "missing")
    (tmp_path / gone.name).rename(gone)
    assert list(tmp_path.glob("restored*")) == []
    assert backups.restore("latest", into).returncode == 0
    with postgres_in(into) as restored:
        assert restored.execute("SELECT what FROM kept") == [("before",), ("after",), ("after",), ("received",)]


def test_a_history_that_is_not_all_there(server: RunningPostgres, tmp_path: Path) -> None:
    """A timeline without WAL, one that begins where nothing leads: refused. A note that can't be read: left out.

    What follows the last record of a segment that was being received is told. No two restores begin the same timeline.
    """
    backups, into = Backups(server.database.url(), tmp_path / "backups"), tmp_path / "restored"
    with backups.receiver().running():
        assert backups.back_up().returncode == 0
        wait_for_archive(server)
    last = max(backups.folder.glob(SEGMENTS))
    begins = f"0/{int(last.stem[-2:], 16):X}FFFFF8"
    history = last.with_name("00000002.history")
    history.write_text(f"1\t{begins}\tpromoted\n")
    refused(backups.restore("latest", into), "no WAL of timeline 2")
    begun = last.with_name(f"00000002{last.name[8:]}")
    begun.write_bytes(last.read_bytes())
    refused(backups.restore("latest", into), "damaged", f"goes on to {begins}")
    history.unlink()
    begun.unlink()
    unreadable = backups.folder / "base" / "20991231T235959999Z-full" / "backup.json"
    unreadable.parent.mkdir()
    unreadable.write_text("{")
    refused(backups.back_up(), str(unreadable))
    done = backups.restore("latest", into)
    assert done.returncode == 0
    assert str(unreadable) in done.stderr
    [receiving] = backups.folder.glob("wal/*/*.partial")
    with receiving.open("r+b") as file:
        file.seek(-9, os.SEEK_END)
        file.write(b"x")
    again = backups.restore("latest", tmp_path / "again")
    assert f"bytes of {receiving} after" in again.stderr
    assert ["timeline 2" in done.stdout, "timeline 3" in again.stdout] == [True, True]


def test_the_receiver_meets_another_server(server: RunningPostgres, tmp_path: Path) -> None:
    """It ends with its connection; begun anew it makes a slot where there is none, and goes on in a folder of its own.

    A server that was restored or promoted has no slot. One that has given its WAL up says so before anything is copied.
    What a full disk has left of a segment is received anew; what no slot has kept is missing.
    """
    backups = Backups(server.database.url(), tmp_path / "backups")
    receiver = backups.receiver()
    with receiver.running():
        assert backups.back_up().returncode == 0
        wait_for_archive(server)
    [receiving] = backups.folder.glob("wal/*/*.partial")
    os.truncate(receiving, 100_000)
    with receiver.running():
        assert any("was not of its size" in line for line in receiver.said())
        server.execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots")
        receiver.wait()
        assert receiver.exit_code == 1
    server.execute("SELECT pg_drop_replication_slot('vote_backup')")
    server.execute("SELECT pg_switch_wal()")
    server.execute("CHECKPOINT")
    with backups.receiver().running():
        assert len(list(backups.folder.glob("wal/*"))) == 2
        wait_for_archive(server)
    refused(backups.restore("latest", tmp_path / "restored"), receiving.stem, "missing")
    server.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    server.execute("SELECT pg_reload_conf()")
    for _ in range(2):
        server.execute("SELECT pg_switch_wal()")
        server.execute("CHECKPOINT")
    refused(backups.back_up(), "given up", "pg_drop_replication_slot")


def test_what_cannot_be_taken(server: RunningPostgres, database_server: RunningPostgres, tmp_path: Path) -> None:
    """A full disk, a wrong password, another Postgres: the backups that are there stay, and the next one is taken."""
    backups = Backups(server.database.url(), tmp_path / "backups", BACKUP_FULLS_KEPT="1")
    full_disk = ("bash", "-c", 'ulimit -f 512; exec "$@"', "bash")  # blocks: no file may be larger
    refused(backups.back_up(), "nothing receives the WAL")
    wrong = Backups(with_login(server.database.url(), "postgres", "wrong"), backups.folder)
    refused(wrong.back_up(), "password authentication failed")
    refused(Backups(database_server.database.url(), backups.folder).back_up(), "backups of another Postgres")
    with backups.receiver().running():
        done = backups.back_up(prefix=full_disk)
        refused(done, "the copy failed")
        assert re.search("^pg_basebackup: (error|killed by SIGXFSZ)", done.stderr, re.MULTILINE)  # whichever ends first
        assert list(backups.folder.glob("base/*/backup.json")) == []
        assert backups.back_up().returncode == 0
        [oldest] = (note.parent for note in backups.folder.glob("base/*/backup.json"))
        refused(backups.back_up("--full", prefix=full_disk), "the copy failed")
        assert oldest.exists()
        with (
            psycopg.connect(server.database.url(), autocommit=True) as admin,
            server_setting(admin, "summarize_wal", "off"),
        ):
            done = backups.back_up()
    assert "full backups only" in done.stdout
    assert f"Removed {oldest.name}" in done.stdout
    segments = [file.name.partition(".")[0] for file in backups.folder.glob(SEGMENTS)]
    assert len(list(backups.folder.glob("base/*/backup.json"))) == 1
    assert min(segments) > "000000010000000000000001"


def test_a_program_that_is_killed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It can't say why any more: what killed it is said."""
    program = tmp_path / "pg_verifybackup"
    program.write_text('#!/bin/sh\n[ "$1" = --version ] || kill -KILL $$\n')
    program.chmod(0o755)
    postgres_user.give(tmp_path)
    with pytest.raises(CannotStart):
        PostgresPrograms(tmp_path).run(program.name, tmp_path, [])
    assert capfd.readouterr().err == "pg_verifybackup: killed by SIGKILL\n"
