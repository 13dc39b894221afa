"""Audits one event: every seal, every question of sql/audit, a recount and, if given, receipts; under one snapshot.

./ops/audit EVENT_ID                     of the running stack; exit code 0: sound, 1: something was found, 2: can't tell
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
from ops.auditor.event_audit import EventAudit, Keys, Report
from ops.auditor.report_metrics import write_metrics
from ops.auditor.report_text import as_json, as_page, as_text


def main(arguments: list[str]) -> int:
    """Print what was found."""
    given = _parser().parse_args(arguments)
    try:
        receipts = given.receipts.read_text(encoding="utf-8").split() if given.receipts else []
        report = _audit(given.event_id, receipts, given.jobs)
        if given.page:
            given.page.write_text(as_page(report), encoding="utf-8")
        if given.metrics:
            write_metrics(given.metrics, report)
    except (settings.SettingError, psycopg.Error, LookupError, ValueError, OSError) as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    sys.stdout.write(as_json(report).decode() + "\n" if given.json else as_text(report))
    return 0 if report.sound else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./ops/audit", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("event_id", type=uuid.UUID)
    parser.add_argument("--receipts", type=Path, help="a file with one vote_id a line, each of which must be there")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="partitions that are read at once")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    parser.add_argument("--page", type=Path, help="write the report there too, as HTML that prints well")
    parser.add_argument("--metrics", type=Path, help="write the numbers of findings there (*.prom), for node_exporter")
    return parser


def _audit(event_id: uuid.UUID, receipts: list[str], jobs: int) -> Report:
    keys = Keys(
        settings.read(settings.SealKeys, os.environ).by_number,
        settings.read(settings.ReceiptKeys, os.environ).by_number,
    )
    url = settings.read(settings.Primary, os.environ).url
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        audit = EventAudit(url, connection, event_id)
        with tqdm(total=audit.event["partitions"], unit="partition", disable=None, leave=False) as bar:
            return audit.run(keys, receipts, max(jobs, 1), lambda done, _all: bar.update(done - bar.n))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
