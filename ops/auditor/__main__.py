"""Audits one event: every seal, every question of sql/audit, a recount and, if given, receipts; under one snapshot.

./ops/audit EVENT_ID                     of the running stack; exit code 0: sound, 1: something was found, 2: can't tell
./ops/audit --archive FOLDER             of an archived event, offline; --seal: seal its manifest if all is sound
python -m ops.auditor EVENT_ID           by DATABASE_URL (login vote_auditor, best of a replica), SEAL_KEYS_FILE,
                                         RECEIPT_KEYS_FILE
"""

import argparse
import os
import sys
import uuid
from pathlib import Path

import psycopg
from tqdm import tqdm

from contract import settings
from ops.auditor.archive import Archive
from ops.auditor.archive_audit import MANIFEST, ArchiveAudit
from ops.auditor.event_audit import EventAudit, Keys, Report
from ops.auditor.report_metrics import write_metrics
from ops.auditor.report_text import as_json, as_page, as_text


def main(arguments: list[str]) -> int:
    """Print what was found."""
    given = _parser().parse_args(arguments)
    try:
        receipts = given.receipts.read_text(encoding="utf-8").split() if given.receipts else []
        report = _audit_archive(given, receipts) if given.archive else _audit(given.event_id, receipts, given.jobs)
        if given.page:
            given.page.write_text(as_page(report), encoding="utf-8")
        if given.metrics:
            write_metrics(given.metrics, report)
    except (settings.SettingError, psycopg.Error, LookupError, TypeError, ValueError, OSError) as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    sys.stdout.write(as_json(report).decode() + "\n" if given.json else as_text(report))
    return 0 if report.sound else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./ops/audit", description=(__doc__ or "").split("\n", 1)[0])
    of = parser.add_mutually_exclusive_group(required=True)
    of.add_argument("event_id", type=uuid.UUID, nargs="?")
    of.add_argument("--archive", type=Path, help="the folder of an archived event, instead of the ledger")
    parser.add_argument("--seal", action="store_true", help="seal the archive's manifest, if nothing else is found")
    parser.add_argument("--receipts", type=Path, help="a file with one vote_id a line, each of which must be there")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="partitions that are read at once")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    parser.add_argument("--page", type=Path, help="write the report there too, as HTML that prints well")
    parser.add_argument("--metrics", type=Path, help="write the numbers of findings there (*.prom), for node_exporter")
    return parser


def _keys() -> Keys:
    return Keys(
        settings.read(settings.SealKeys, os.environ).by_number,
        settings.read(settings.ReceiptKeys, os.environ).by_number,
    )


def _audit_archive(given: argparse.Namespace, receipts: list[str]) -> Report:
    keys, archive = _keys(), Archive(given.archive)
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
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        audit = EventAudit(url, connection, event_id)
        with tqdm(total=audit.event["partitions"], unit="partition", disable=None, leave=False) as bar:
            return audit.run(keys, receipts, max(jobs, 1), lambda done, _all: bar.update(done - bar.n))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
