"""Audits one event: every seal, every question of sql/audit, a recount and, if given, receipts; under one snapshot.

./ops/audit EVENT_ID                     of the running stack; exit code 0: sound, 1: something was found, 2: can't tell
./ops/audit EVENT_ID --live              and what is on air: Redis, stored tallies and public results against the ledger
./ops/audit --live                       only that, of all events, beside the voting; but no results
./ops/audit --archive FOLDER             of an archived event, offline; --seal: seal its manifest if all is sound
python -m ops.auditor …                  by DATABASE_URL (login vote_auditor, best of a replica), SEAL_KEYS_FILE,
                                         RECEIPT_KEYS_FILE; for --live LIVE_DATABASE_URL, REDIS_URL, QUERY_URL
"""

import argparse
import contextlib
import os
import sys
import traceback
import uuid
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import TextIO

import msgspec
import psycopg
import redis
from tqdm import tqdm

from contract import path_patience, settings
from fanout.settings import Fanout
from ops.auditor.archive import Archive
from ops.auditor.archive_audit import MANIFEST, ArchiveAudit, incomplete_report
from ops.auditor.event_audit import Check, EventAudit, Keys, Report, live_report
from ops.auditor.ledger_history import NotReachedError
from ops.auditor.live_audit import FROZEN, IN_REDIS, STORED, LiveAudit
from ops.auditor.report_metrics import write_metrics
from ops.auditor.report_text import as_json, as_page, as_text
from ops.auditor.settings import Live
from ops.auditor.shown_board import SHOWN, ShownBoard
from ops.embedded.interruption import break_off_by_signals

CANT_TELL = (settings.SettingError, NotReachedError, psycopg.Error, redis.RedisError, msgspec.MsgspecError,
             LookupError, TypeError, ValueError, OSError, BrokenExecutor)  # fmt: skip
PRIVATE = 0o600  # of a page that says how people voted
INTERRUPTED = 130  # as a shell says of a program that SIGINT ended
CONFLICT = "conflict with recovery"  # Postgres' words, whether it ends a statement or the idle connection beside it
AGAIN = """
The replica had to replay what this audit's snapshot stood in the way of: on the primary a table that it reads was
altered, rewritten, detached, dropped or truncated; or vacuumed, as what changes often is (tallies), without
hot_standby_feedback. Nothing is wrong with the votes for that; run the audit again. If it happens each time, set
hot_standby_feedback = on on the replica, which holds vacuum back, and raise max_standby_streaming_delay there, which
alone gives time against the others; or audit the primary (DATABASE_URL)."""


def run(arguments: list[str]) -> int:
    """main() as a process: a signal ends it in one line, and what nobody foresaw is never a finding."""
    break_off_by_signals()
    try:
        return main(arguments)
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - Python's own exit code for it is 1
        _complain(traceback.format_exc())
        return 2


def main(arguments: list[str]) -> int:
    """Write and print what was found; what was outranks what couldn't be compared, written or printed."""
    given = _given(arguments)
    try:
        report = _report(given)
    except CANT_TELL as error:
        _complain(_why(error))
        return 2
    code = 1 if report.findings else 0 if report.sound else 2
    for tell in (_write_page, _write_metrics, _print):
        try:
            tell(given, report)
        except OSError as error:
            _complain(str(error))
            code = code or 2
    return code


def _write_page(given: argparse.Namespace, report: Report) -> None:
    if given.page:
        if given.choices:
            given.page.touch(PRIVATE)
            given.page.chmod(PRIVATE)
        given.page.write_text(as_page(report, choices=given.choices), encoding="utf-8")


def _write_metrics(given: argparse.Namespace, report: Report) -> None:
    if given.metrics and (report.findings or not report.not_compared):  # else an older finding would seem dealt with
        write_metrics(given.metrics, report)


def _print(given: argparse.Namespace, report: Report) -> None:
    _say(sys.stdout, as_json(report).decode() + "\n" if given.json else as_text(report))


def _complain(text: str) -> None:
    with contextlib.suppress(OSError):
        _say(sys.stderr, f"audit: {text}\n")


def _say(stream: TextIO, text: str) -> None:
    """All of it; raises OSError on a full disk, and then lets go of it, since what is left would fail Python's end."""
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise


def _why(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text + AGAIN if CONFLICT in text else text


def _given(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./ops/audit", description=(__doc__ or "").split("\n", 1)[0])
    of = parser.add_mutually_exclusive_group()
    of.add_argument("event_id", type=uuid.UUID, nargs="?")
    of.add_argument("--archive", type=Path, help="the folder of an archived event, instead of the ledger")
    parser.add_argument("--live", action="store_true", help="what is on air, too; without an event only that, of all")
    parser.add_argument("--seal", action="store_true", help="seal the archive's manifest, if nothing else is found")
    parser.add_argument("--receipts", type=Path, help="a file with one vote_id a line, each of which must be there")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="partitions that are read at once")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    parser.add_argument("--page", type=Path, help="write the report there too, as HTML that prints well")
    parser.add_argument("--choices", action="store_true", help="let the page say which vote each receipt stands for")
    parser.add_argument("--metrics", type=Path, help="write the numbers of findings there (*.prom), for node_exporter")
    given = parser.parse_args(arguments)
    if given.archive and given.live:
        parser.error("an archive isn't on air")
    if not (given.event_id or given.archive or given.live):
        parser.error("which event? EVENT_ID, --archive FOLDER, or --live for all that is on air")
    if given.seal and not given.archive:
        parser.error("--seal is of an archive's manifest: --archive FOLDER")
    if given.choices and not (given.page and given.receipts):
        parser.error("--choices is of --receipts in the --page")
    if not (given.event_id or given.archive) and (given.receipts or given.metrics):
        parser.error("--receipts and --metrics are of one event")
    return given


def _report(given: argparse.Namespace) -> Report:
    receipts = list(dict.fromkeys(given.receipts.read_text(encoding="utf-8").split())) if given.receipts else []
    if given.archive:
        return _audit_archive(given, receipts)
    live = _LiveReader() if given.live else None  # what is wrong with its settings is said before anything is read
    if given.event_id:
        report = _audit(given.event_id, receipts, given.jobs)
        return live.add(given.event_id, report) if live else report
    assert live
    return live_report(*live.checks(None, None))


def _keys() -> Keys:
    return Keys(
        settings.read(settings.SealKeys, os.environ).by_number,
        settings.read(settings.ReceiptKeys, os.environ).by_number,
    )


class _LiveReader:
    def __init__(self) -> None:
        self._live = settings.read(Live, os.environ)
        self._redis = settings.read(settings.Redis, os.environ)
        self._source = settings.read(Fanout, os.environ)

    def checks(self, event_id: uuid.UUID | None, board: ShownBoard | None) -> tuple[list[Check], str]:
        """Those that could be made, and why the others couldn't, if so."""
        checks: list[Check] = []
        try:
            for check in LiveAudit(self._live.url, self._source, self._redis.url).run(event_id, board):
                checks.append(check)  # noqa: PERF402 - a list of all would be lost with the one that fails
        except CANT_TELL as error:
            wanted = (IN_REDIS, STORED, FROZEN, SHOWN)[: 4 if board else 3]
            left = " ".join(title for title in wanted if title not in {check.title for check in checks})
            return checks, " ".join(f"{_why(error)}; not answered: {left}".split())
        return checks, ""

    def add(self, event_id: uuid.UUID, report: Report) -> Report:
        """The report with what is on air; says so when the results that are shown aren't looked at."""
        numbers = {str(row["contestant_id"]): row["contestant_no"] for row in report.results}
        board = ShownBoard(self._live.query_url, str(event_id), numbers)
        why_not = ""
        if not self._live.query_url:
            why_not = "not looked at: QUERY_URL is not set"
        elif len(self._redis.sources) > 1:
            why_not = "not looked at: they are the sum of several sources"
        checks, not_compared = self.checks(event_id, None if why_not else board)
        if not why_not and SHOWN not in {check.title for check in checks}:
            why_not = "not compared" if not_compared else "not looked at: the public doesn't see them now"
        return report.with_live(checks, not_compared, why_not or "looked at")


def _audit_archive(given: argparse.Namespace, receipts: list[str]) -> Report:
    keys, archive = _keys(), Archive(given.archive)
    if missing := archive.missing():
        return incomplete_report(archive, missing)
    audit = ArchiveAudit(archive)

    def run() -> Report:
        with tqdm(total=audit.rows, unit="vote", disable=None, leave=False) as bar:
            return audit.run(keys, receipts, bar.update)

    report = run()
    if given.seal and archive.is_unsealed and not any(c.total for c in report.checks if c.title != MANIFEST):
        archive.seal(keys.seals[audit.key_no])
        report = run()
    return report


def _audit(event_id: uuid.UUID, receipts: list[str], jobs: int) -> Report:
    keys = _keys()
    url = settings.read(settings.Primary, os.environ).url
    with psycopg.connect(url, **path_patience.LIBPQ) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        audit = EventAudit(url, connection, event_id)
        with tqdm(total=audit.steps, unit="step", disable=None, leave=False) as bar:
            return audit.run(keys, receipts, max(jobs, 1), bar.update)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
