"""Whoever changes an archived event is found out, and named, by ./ops/audit --archive, with nothing but the keys."""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from contract.seal import seal_of
from ops.auditor.archive import Archive
from ops.auditor.archive_audit import COUNTED, FILES, MANIFEST, ArchiveAudit, incomplete_report
from ops.auditor.event_audit import Keys
from ops.auditor.report_text import as_text
from ops.rig import python_process
from ops.rig.database import PASSWORD, Database
from ops.rig.dba_scripts import run_script
from ops.rig.event import change_status, make_event
from ops.rig.people import RECEIPT_KEY, SEAL_KEY
from ops.rig.postgres import RunningPostgres
from ops.rig.votes import cast_sealed

SEALS = "Has any row another seal than its own?"
FOREIGN = "Is any row of another event, or for a contestant who isn't on the ballot?"
TWICE = "Did anybody vote twice, or are rows out of their order?"
HOURS = "Has any vote a time at which voting was not open: before, after, or in a pause?"
BALLOT = "Is the ballot what it was when the event opened?"
RECEIPTS = "Which of the receipts that were handed in have no vote?"


@pytest.fixture(scope="module")
def original(
    database_server: RunningPostgres, postgresql_noproc: object, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    """A sealed archive of an event with five votes, and their receipts."""
    folder = tmp_path_factory.mktemp("original") / "archive"
    name, template = "archive_audit", postgresql_noproc.template_dbname  # type: ignore[attr-defined]
    with psycopg.connect(database_server.database.url(), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        database = Database(database_server.server.url("postgres", PASSWORD, name))
        with psycopg.connect(database.url(), autocommit=True) as dba:
            event = make_event(dba, expected_votes=1)
            receipts = cast_sealed(dba, event, [bytes([number]) * 12 for number in range(5)])
            change_status(dba, event.event_id, "close")
            dba.execute("INSERT INTO tallies VALUES (%s, 1, 5)", [event.event_no])
        run_script(database, "015_archive.sql", event_no=event.event_no, folder=folder)
        server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    Archive(folder).seal(SEAL_KEY)
    return folder, receipts


@pytest.fixture
def folder(original: tuple[Path, list[str]], tmp_path: Path) -> Path:
    """A copy to lie in."""
    return Path(shutil.copytree(original[0], tmp_path / "archive"))


def found(folder: Path, receipts: list[str]) -> set[str]:
    """The titles of the checks that found something."""
    report = ArchiveAudit(Archive(folder)).run(Keys({1: SEAL_KEY}, {1: RECEIPT_KEY}), receipts, lambda: None)
    return {check.title for check in report.checks if check.total}


def edit(folder: Path, name: str, change: Callable[[list[str]], list[str]]) -> None:
    """Change the lines of a file."""
    file = folder / name
    file.write_text("".join(change(file.read_text().splitlines(keepends=True))))


def make_fit(folder: Path) -> None:
    """Let the manifest say what its files are now."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, said in manifest["files"].items():
        content = (folder / name).read_bytes()
        said |= {"sha256": hashlib.sha256(content).hexdigest(), "rows": content.count(b"\n") - 1}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def forged(voter: str, contestant_no: int = 1, event_no: int = 1, at_us: int = 0) -> str:
    """A row as somebody would write it who has stolen the key."""
    facts = {"voted_at_us": at_us, "device": None, "event_no": event_no, "region": None}
    seal = seal_of(SEAL_KEY, voter=bytes.fromhex(voter), contestant_no=contestant_no, **facts)  # type: ignore[arg-type]
    return f"1970-01-01 00:00:00+00,,{event_no},{contestant_no},,\\x{voter},\\x{seal.hex()}\n"


# What somebody does to the lines of which file, and the checks that name it, whatever the manifest says.
Lie = tuple[str, Callable[[list[str]], list[str]], set[str]]
LIES: dict[str, Lie] = {
    "a row altered": (
        "votes.csv",
        lambda rows: [rows[0], rows[1].replace(",1,DE", ",2,DE"), *rows[2:]],
        {SEALS, COUNTED},
    ),
    "a row deleted": ("votes.csv", lambda rows: rows[:-1], {COUNTED, RECEIPTS}),
    "all rows deleted": ("votes.csv", lambda rows: rows[:1], {COUNTED, RECEIPTS}),
    "a row added": ("votes.csv", lambda rows: [*rows, forged("ff" * 12)], {COUNTED, HOURS}),
    "a row moved": ("votes.csv", lambda rows: [*rows, forged("ff" * 12, event_no=9)], {FOREIGN, COUNTED, HOURS}),
    "a row for nobody": ("votes.csv", lambda rows: [*rows, forged("ff" * 12, 7)], {FOREIGN, COUNTED, HOURS}),
    "a row twice": ("votes.csv", lambda rows: [*rows, rows[-1]], {TWICE, COUNTED}),
    "a voter too long": (
        "votes.csv",
        lambda rows: [*rows[:-1], rows[-1].replace("04,\\x", "0404,\\x")],
        {SEALS, COUNTED, RECEIPTS},
    ),
    "no row at all": ("votes.csv", lambda rows: [*rows, "what,is,this\n"], {SEALS}),
    "a quote that swallows what follows": (
        "votes.csv",
        lambda rows: [rows[0], rows[1].replace(",1,DE", ',1,"E'), *(2000 * rows[2:])],
        {SEALS, COUNTED, RECEIPTS, TWICE},
    ),
    "a tally edited": ("tallies.csv", lambda rows: [rows[0], rows[1].replace(",5,", ",6,")], {COUNTED}),
    "contestants swapped": (
        "contestants.csv",
        lambda rows: [rows[0], rows[1].replace("C1", "C2"), rows[2].replace("C2", "C1")],
        {BALLOT},
    ),
    "the ballot edited": ("event.csv", lambda rows: [row.replace("Final", "Finale") for row in rows], {BALLOT}),
}


def test_an_untouched_archive_is_sound(original: tuple[Path, list[str]], folder: Path) -> None:
    """With every receipt; also when the evidence, whose time is over, is gone."""
    assert found(*original) == set()
    (folder / "vote_evidence.csv").unlink()
    assert found(folder, original[1]) == set()


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_found_also_when_the_manifest_is_made_to_fit(
    original: tuple[Path, list[str]], folder: Path, lie: str
) -> None:
    """By what the files say of each other, by the manifest's digests, and by the seal of the manifest."""
    name, change, told = LIES[lie]
    edit(folder, name, change)
    assert found(folder, original[1]) >= {*told - {RECEIPTS}, FILES}
    make_fit(folder)
    manifest_rows = {COUNTED} if lie in {"no row at all", "a voter too long"} else set()
    assert found(folder, original[1]) == told | {MANIFEST} | manifest_rows


def test_a_ballot_changed_before_it_was_archived_is_found(original: tuple[Path, list[str]], folder: Path) -> None:
    """Text and rows agree, and the event says that it never opened: its seal, its votes and its log say that it did."""
    edit(folder, "contestants.csv", lambda rows: [rows[0], rows[1].replace("C1", "C2"), rows[2].replace("C2", "C1")])
    with (folder / "event.csv").open(newline="") as file:
        [event] = csv.DictReader(file)
    event["ballot"] = event["ballot"].replace("C1", "C0").replace("C2", "C1").replace("C0", "C2")
    for emptied in ("opened_at", "ballot_seal"):
        event[emptied] = ""
        with (folder / "event.csv").open("w", newline="") as file:
            csv.DictWriter(file, event).writeheader()
            csv.DictWriter(file, event).writerow(event)
        make_fit(folder)
        assert found(folder, original[1]) == {BALLOT, MANIFEST}


def test_what_is_no_receipt_is_named(original: tuple[Path, list[str]]) -> None:
    """And nothing else is left out for it."""
    assert found(original[0], [*original[1], "hello"]) == {RECEIPTS}


def test_one_byte_of_any_file_is_missed(folder: Path) -> None:
    """Each file is read back whole."""
    for name in Archive(folder).files:
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes(kept[:-1] + b" ")
        changed = [row["file"] for row in Archive(folder).changed()]
        (folder / name).write_bytes(kept)
        assert changed == [name]


@pytest.mark.parametrize("name", ["votes.csv", "audit_log.csv", "event.csv"])
def test_a_file_that_is_gone_is_found(folder: Path, name: str) -> None:
    """From the folder, or from the manifest too; then nothing else is looked at, and that is said."""
    (folder / name).unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    for why in ("it is gone", "the manifest doesn't name it"):
        report = incomplete_report(Archive(folder), Archive(folder).missing())
        assert [check.found for check in report.checks] == [[{"file": name, "why": why}]]
        assert as_text(report).startswith("0 votes, 0 receipts: 1 findings; not all was compared\n")
        assert f"not compared: anything else, without {name}\n" in as_text(report)
        manifest["files"].pop(name, None)
        (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(ValueError, match="which files"):
        Archive(folder)


def test_another_key_is_thought_of(folder: Path) -> None:
    """Where each row has a wrong seal."""
    report = ArchiveAudit(Archive(folder)).run(Keys({1: bytes(32)}, {1: RECEIPT_KEY}), [], lambda: None)
    assert as_text(report).count("another key") == 1
    report = ArchiveAudit(Archive(folder)).run(Keys({1: SEAL_KEY}, {1: RECEIPT_KEY}), [], lambda: None)
    assert "another key" not in as_text(report)


def test_a_lie_that_fits_everywhere_is_found_by_the_seal_of_the_manifest(
    original: tuple[Path, list[str]], folder: Path
) -> None:
    """A vote taken out of rows, tally and manifest alike; without that seal only its receipt tells."""
    edit(folder, "votes.csv", lambda rows: rows[:-1])
    edit(folder, "tallies.csv", lambda rows: [rows[0], rows[1].replace(",5,", ",4,")])
    make_fit(folder)
    assert found(folder, []) == {MANIFEST}
    assert found(folder, original[1]) == {MANIFEST, RECEIPTS}


def test_the_command_line_seals_what_is_sound_and_only_once(original: tuple[Path, list[str]], folder: Path) -> None:
    """Never sealed is a finding, unless --seal makes it good; a seal that is there is never replaced."""
    (folder / "manifest.seal").unlink()
    for name, key in (("receipt-keys", RECEIPT_KEY), ("seal-keys", SEAL_KEY)):
        (folder.parent / name).write_text(json.dumps({"1": key.hex()}))
    env = {
        **os.environ,
        "SEAL_KEYS_FILE": str(folder.parent / "seal-keys"),
        "RECEIPT_KEYS_FILE": str(folder.parent / "receipt-keys"),
    }

    def audit(*words: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "ops.auditor", "--archive", str(folder), *words]
        return python_process.run(line, env)

    assert "it was never sealed" in audit().stdout
    (folder.parent / "receipts").write_text(original[1][0])
    told = audit("--receipts", str(folder.parent / "receipts")).stdout
    assert f"vote  vote_id {original[1][0]}, " in told
    assert "seal_is_own True" in told
    sealed = audit("--seal")
    assert (sealed.returncode, sealed.stdout.splitlines()[0]) == (0, "5 votes, 0 receipts: nothing was found")
    assert (folder / "manifest.seal").read_bytes() == (original[0] / "manifest.seal").read_bytes()
    make_fit(folder)
    assert audit("--seal").returncode == 1
    (folder / "votes.csv").unlink()
    assert audit().returncode == 1
    (folder / "manifest.json").unlink()
    assert audit().returncode == 2
