"""What an audit found, for Prometheus: a file for node_exporter (in the folder of --collector.textfile.directory)."""

from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from contract import metric_names
from ops.auditor.event_audit import Report


def write_metrics(file: Path, report: Report) -> None:
    """Write how many findings each check has, 0 for none; whoever reads meanwhile sees the old file or the new one."""
    registry = CollectorRegistry()
    findings = Gauge(
        metric_names.AUDIT_FINDINGS,
        "Findings of the newest audit of an event, by what was looked for",
        ["event_id", "finding"],
        registry=registry,
    )
    for check in report.checks:
        findings.labels(str(report.event["event_id"]), check.title).set(check.total)
    write_to_textfile(str(file), registry)
