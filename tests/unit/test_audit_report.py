"""An audit of which a part couldn't be made reports the rest; a finding outranks that."""

import json
import signal
import uuid
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from unittest.mock import Mock

import msgspec
import pytest
import redis

from ops.auditor import __main__ as auditor
from ops.auditor.event_audit import Check, Report
from ops.auditor.live_audit import FROZEN, IN_REDIS, STORED, LiveAudit

EVENT_ID = uuid.UUID("7d3b4c52-0000-4000-8000-000000000000")
LEFT = f"<away>; not answered: {STORED} {FROZEN}"


def report(forged: int) -> Report:
    """Of the ledger."""
    found = [{"voter": "00"}] * forged
    event = {"event_id": EVENT_ID, "event_name": "Final", "opens_at": None, "closes_at": "2030-01-01 00:00:00+00:00"}
    return Report(event, 3, "", 0, [], [], {}, [Check("Seals?", forged, found)])


@pytest.fixture(autouse=True)
def stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is on air is told by nobody."""
    monkeypatch.setenv("LIVE_DATABASE_URL", "postgresql://nowhere/vote")
    monkeypatch.setenv("REDIS_URL", "redis://nowhere")


@pytest.mark.parametrize(("forged", "edited", "code"), [(1, 0, 1), (0, 1, 1), (0, 0, 2)])
def test_what_was_found_before_an_outage_is_told(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    forged: int,
    edited: int,
    code: int,
) -> None:
    """As text, JSON and page; metrics are written for a finding only, since others may have been found before."""

    def run(*_: object) -> Iterator[Check]:
        yield Check(IN_REDIS, edited, [{"event_id": EVENT_ID}] * edited)
        raise redis.ConnectionError("<away>")

    monkeypatch.setattr(auditor, "_audit", lambda *_: report(forged))
    monkeypatch.setattr(LiveAudit, "run", run)
    page, metrics = tmp_path / "page.html", tmp_path / "event.prom"
    words = [str(EVENT_ID), "--live", "--page", str(page), "--metrics", str(metrics)]
    assert auditor.main(words) == code
    said = capsys.readouterr().out
    verdict = "1 findings" if code == 1 else "can't tell"
    assert said.startswith(f"3 votes, 0 receipts: {verdict}; not all was compared\n")
    assert f"\n{'FOUND' if edited else 'ok   '} {IN_REDIS}\n" in said
    assert f"\nnot compared: {LEFT}\n" in said
    assert "\n  Closes at: 2030-01-01 00:00:00+00:00\n" in said
    assert "&lt;away&gt;; not answered: " in page.read_text()
    assert f'class="verdict {"found" if code == 1 else "unknown"}"' in page.read_text()
    assert metrics.exists() == (code == 1)
    assert auditor.main([*words, "--json"]) == code
    told = json.loads(capsys.readouterr().out)
    assert (told["sound"], told["not_compared"], len(told["checks"])) == (False, LEFT, 2)


@pytest.mark.parametrize(("forged", "code"), [(1, 1), (0, 2)])
def test_a_page_that_can_not_be_written_loses_no_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, forged: int, code: int
) -> None:
    """It is printed all the same, and why there is no page."""
    monkeypatch.setattr(auditor, "_audit", lambda *_: report(forged))
    assert auditor.main([str(EVENT_ID), "--page", str(tmp_path / "nowhere" / "page.html")]) == code
    said = capsys.readouterr()
    assert said.out.startswith("3 votes, 0 receipts: ")
    assert said.err.startswith("audit: [Errno 2]")


@pytest.mark.parametrize(("forged", "code"), [(1, 1), (0, 2)])
def test_a_full_disk_is_no_finding_and_hides_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, forged: int, code: int
) -> None:
    """What can't be printed is written all the same, and nothing is left that would fail Python's end."""
    monkeypatch.setattr(auditor, "_audit", lambda *_: report(forged))
    page, metrics = tmp_path / "page.html", tmp_path / "event.prom"
    with Path("/dev/full").open("w") as out, Path("/dev/full").open("w") as err:
        monkeypatch.setattr("sys.stdout", out)
        monkeypatch.setattr("sys.stderr", err)
        assert auditor.main([str(EVENT_ID), "--page", str(page), "--metrics", str(metrics)]) == code
    assert page.exists()
    assert metrics.exists()


def test_only_who_asks_for_it_gets_a_page_of_choices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is for the eyes of its owner then, also where a page was for all; else receipts are only counted."""
    held = msgspec.structs.replace(report(0), receipts=1, handed_in=[{"vote_id": "r1", "contestant_name": "Cleo"}])
    monkeypatch.setattr(auditor, "_audit", lambda *_: held)
    page, receipts = tmp_path / "page.html", tmp_path / "receipts"
    receipts.write_text("r1")
    words = [str(EVENT_ID), "--receipts", str(receipts), "--page", str(page)]
    assert auditor.main(words) == 0
    assert "Cleo" not in page.read_text()
    assert "<p>1 receipts; " in page.read_text()
    page.chmod(0o644)
    assert auditor.main([*words, "--choices"]) == 0
    assert "Cleo" in page.read_text()
    assert page.stat().st_mode & 0o777 == 0o600


def test_an_old_replica_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In the first line, beyond a minute; else among the facts."""
    for behind_s, verdict in ((0, ""), (60, ""), (61, "; but the replica may be 61 s behind")):
        event = {**report(0).event, "replayed_at": "then", "behind_s": behind_s}
        monkeypatch.setattr(auditor, "_audit", Mock(return_value=msgspec.structs.replace(report(0), event=event)))
        assert auditor.main([str(EVENT_ID)]) == 0
        said = capsys.readouterr().out
        assert said.startswith(f"3 votes, 0 receipts: nothing was found{verdict}\n  Event: Final\n")
        assert f"\n  Newest commit there: then\n  Behind: {'up to' if behind_s else 'no: '}" in said


@pytest.mark.parametrize("words", [["--seal"], ["--choices"], ["--choices", "--page", "p"]])
def test_what_would_do_nothing_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A line says what it is of; exit code 2."""
    with pytest.raises(SystemExit, match="2"):
        auditor.main([str(EVENT_ID), *words])
    assert f"error: {words[0]} is of " in capsys.readouterr().err


def test_a_receipt_counts_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """However often it is in the file."""
    (tmp_path / "receipts").write_text("r1\nr2\nr1\n")
    audit = Mock(return_value=report(0))
    monkeypatch.setattr(auditor, "_audit", audit)
    auditor.main([str(EVENT_ID), "--receipts", str(tmp_path / "receipts")])
    assert audit.call_args.args[1] == ["r1", "r2"]


def test_sigterm_ends_it_in_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As Ctrl-C does: no finding, and no traceback."""
    monkeypatch.setattr(auditor, "_audit", lambda *_: signal.raise_signal(signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert auditor.run([str(EVENT_ID)]) == 130
    finally:
        signal.signal(signal.SIGTERM, before)
    assert capsys.readouterr() == ("", "audit: interrupted\n")


def test_what_nobody_foresaw_is_no_finding(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor is a worker that the system has killed, which is said in a line."""
    for error, said in ((BrokenProcessPool("abruptly"), "audit: abruptly\n"), (ZeroDivisionError(), "Traceback")):
        monkeypatch.setattr(auditor, "_audit", Mock(side_effect=error))
        assert auditor.run([str(EVENT_ID)]) == 2
        assert said in capsys.readouterr().err
