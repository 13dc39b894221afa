"""Names of WAL files, which of them are missing or can't be read, and what of the backups is kept."""

import datetime as dt
import subprocess
from pathlib import Path

import pytest

from ops.backups.backup_folder import (
    FULL,
    INCREMENTAL,
    Backup,
    BackupFolder,
    chain_of,
    on_branch,
    to_remove,
    with_chains,
)
from ops.backups.recovery import restore_command
from ops.backups.wal_segments import Branch, Segment, missing, name_of, read_history, segment_of
from ops.embedded.refusal import CannotStart

MB = 1 << 20
NOW = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
OLD, NEW = 1, 2
BRANCH = [Branch(OLD, 5 * 16 * MB + 100)]  # the new timeline begins inside segment 5


@pytest.mark.parametrize("size", [MB, 16 * MB, 1 << 30])
def test_a_name_is_its_segment(size: int) -> None:
    """Whatever the size of segments; also of one that is still written, and of nothing else."""
    segment = Segment(3, (7 << 32) // size + 1)
    name = name_of(segment, size)
    assert segment_of(name, size) == segment_of(f"{name}.partial", size) == segment
    assert name.startswith("0000000300000007")
    assert segment_of("00000003.history", size) is None


def test_a_history_is_the_way_to_a_timeline() -> None:
    """As Postgres writes it."""
    text = "1\t0/5000060\tbefore 2026-11-30 20:15:00+00\n\n# a comment\n2\t1/0\tno recovery target\n"
    assert read_history(text) == [Branch(1, 0x5000060), Branch(2, 1 << 32)]


def test_a_gap_is_found() -> None:
    """Between the first that is needed and the last that is there."""
    there = [Segment(OLD, number) for number in (2, 3, 5)]
    assert missing(Segment(OLD, 2), OLD, [], there, 16 * MB) == [Segment(OLD, 4)]
    assert missing(Segment(OLD, 5), OLD, [], there, 16 * MB) == []
    assert missing(Segment(OLD, 6), OLD, [], there, 16 * MB) == [Segment(OLD, 6)]


def test_on_a_new_timeline_its_own_segments_count() -> None:
    """From the one on in which it begins; what the old one went on with is of no use."""
    old = [Segment(OLD, number) for number in range(3, 9)]
    assert missing(Segment(OLD, 4), NEW, BRANCH, [*old, Segment(NEW, 5), Segment(NEW, 6)], 16 * MB) == []
    assert missing(Segment(OLD, 4), NEW, BRANCH, [*old, Segment(NEW, 6)], 16 * MB) == [Segment(NEW, 5)]
    assert missing(Segment(NEW, 6), NEW, BRANCH, [*old, Segment(NEW, 6)], 16 * MB) == []


def backup(number: int, kind: str, of: int = 0) -> Backup:
    return Backup(f"{number}", kind, f"{of}" if of else "", NOW, OLD, 0, 0)


CHAINS = [backup(1, FULL), backup(2, INCREMENTAL, 1), backup(3, FULL), backup(4, INCREMENTAL, 3), backup(5, FULL)]


@pytest.mark.parametrize(
    ("fulls_kept", "removed"), [(1, ["4", "3", "2", "1"]), (2, ["2", "1"]), (3, []), (9, [])], ids=str
)
def test_whole_chains_are_removed(fulls_kept: int, removed: list[str]) -> None:
    """The newest first, so that what is left of a chain can be restored all the time; the last full one never goes."""
    assert [each.name for each in to_remove(CHAINS, fulls_kept, OLD, [])] == removed


def test_what_is_added_to_is_kept() -> None:
    """Also if it is older than full ones: those that were taken of a history that a restore has left."""
    assert [each.name for each in to_remove([*CHAINS, backup(6, INCREMENTAL, 2)], 1, OLD, [])] == ["4", "3"]


def test_what_a_restore_has_left_behind_is_not_counted() -> None:
    """Until the new history has as many full ones of its own: they are all that it can be restored from."""
    restored_to = BRANCH[0].until_lsn
    after = [Backup(name, FULL, "", NOW, OLD, 0, restored_to + 1) for name in ("6", "7")]
    own = [Backup(name, FULL, "", NOW, NEW, 0, restored_to + 1) for name in ("8", "9")]
    known = [*CHAINS[:2], *after]
    assert to_remove(known, 2, NEW, BRANCH) == []
    assert to_remove([*known, own[0]], 2, NEW, BRANCH) == []
    assert [each.name for each in to_remove([*known, *own], 2, NEW, BRANCH)] == ["7", "6", "2", "1"]
    assert to_remove(known, 1, NEW, []) == []  # where it comes from isn't archived yet


CASES = [("A", "got", 0), ("B", "got", 1), ("A", "no/got", 255), ("C", "got", 1), ("6.history", "got", 0)]


@pytest.mark.parametrize(("asked", "into", "code"), CASES)
def test_a_segment_that_cannot_be_read_is_not_the_end(asked: str, into: str, code: int, tmp_path: Path) -> None:
    """Postgres is content with any code up to 125. What was begun only, for want of room, was never written to."""
    folder = BackupFolder(tmp_path / "it's a folder")
    received = folder.wal / "20261130T201400123Z"
    for file, content in (
        (received / "A.partial", "early"),
        (folder.wal / "20261130T201500123Z" / "A.partial", "whole"),
        (received / "C.partial", "who"),
        (folder.restored / "6.history", "any"),
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    command = restore_command(folder, len("whole")).replace("%f", asked).replace("%p", str(tmp_path / into))
    assert subprocess.run(["sh", "-c", command], check=False).returncode == code
    assert [file.read_text() for file in tmp_path.glob("got")] == ([] if code else ["any" if "6" in asked else "whole"])


def test_a_timeline_is_begun_once(tmp_path: Path) -> None:
    """A second restore is told; and the archive takes one of two servers that began it, not what was only tried."""
    folder = BackupFolder(tmp_path)
    history = tmp_path / "00000002.history"
    history.write_text("1\t0/5000060\tno recovery target specified\n")
    folder.take_timeline(history)
    with pytest.raises(FileExistsError):
        folder.take_timeline(history)
    assert folder.other_history(2, "of a standby that was promoted") is None
    archived = folder.wal / "20261130T201400123Z" / history.name
    archived.parent.mkdir(parents=True)
    history.rename(archived)
    assert folder.other_history(2, archived.read_text()) is None
    assert folder.other_history(2, "of a standby that was promoted") == archived


def test_a_backup_of_another_branch_leads_nowhere() -> None:
    """Of the old timeline only what was finished before the new one begins."""
    before, after = (Backup("b", FULL, "", NOW, OLD, 0, BRANCH[0].until_lsn + more) for more in (0, 1))
    assert [on_branch(each, NEW, BRANCH) for each in (before, after)] == [True, False]
    assert on_branch(after, OLD, [])
    assert not on_branch(Backup("b", FULL, "", NOW, NEW, 0, 1), OLD, [])


def test_a_chain_is_whole_or_refused() -> None:
    """An incremental backup is nothing without what it adds to."""
    assert [each.name for each in chain_of(CHAINS, CHAINS[3])] == ["3", "4"]
    with pytest.raises(CannotStart, match="adds to 3"):
        chain_of(CHAINS[3:], CHAINS[3])
    assert [each.name for each in with_chains([*CHAINS[:2], *CHAINS[3:]])] == ["1", "2", "5"]
