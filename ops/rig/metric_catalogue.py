"""Which metrics and labels there are, and which of them a PromQL expression asks for: so that no dashboard and no alert
asks for what nobody exports.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser

from ops.rig import alert_rules

PAGE = Path(__file__).parent.parent / "METRICS.md"
SCRAPED = frozenset({"job", "instance", "process"})  # what Prometheus puts on every series
OTHERS: Mapping[str, frozenset[str]] = {  # whose metrics aren't ours
    "up": SCRAPED,
    "ALERTS": frozenset({"alertname", "alertstate", "severity"}),
    "process_cpu_seconds_total": SCRAPED,
    "process_max_fds": SCRAPED,
    "process_open_fds": SCRAPED,
    "process_resident_memory_bytes": SCRAPED,
    "process_start_time_seconds": SCRAPED,
    "vote_audit_findings": SCRAPED | {"event_id", "finding"},  # of ./ops/audit --metrics, by node_exporter
    "node_cpu_seconds_total": SCRAPED | {"mode"},
    "node_filesystem_avail_bytes": SCRAPED | {"fstype", "mountpoint"},
    "node_filesystem_size_bytes": SCRAPED | {"fstype", "mountpoint"},
}
_ROW = re.compile(r"^\| `(\w+)` \| (counter|gauge|histogram) \| ([\w, ]*) \|", re.MULTILINE)


class Asked(NamedTuple):
    """A series that an expression asks for: its name, and the labels that it is chosen and grouped by."""

    name: str
    matched: Mapping[str, str]
    grouped: frozenset[str]


def catalogue() -> dict[str, frozenset[str]]:
    """The labels of each series that can be asked for, by its name: exported, or recorded by ops/alerts.yml."""
    exported = {name: labels for metric in _ROW.findall(PAGE.read_text()) for name, labels in _series_of(*metric)}
    return dict(OTHERS) | exported | {name: frozenset(labels) for name, labels, _expr in alert_rules.records()}


def why_unknown(expr: str, known: Mapping[str, frozenset[str]]) -> list[str]:
    """What it asks for that isn't there, in words; raises ValueError when it is no PromQL."""
    return [
        why
        for asked in asked_for(expr)
        for why in (
            [f"nobody exports {asked.name}"]
            if asked.name not in known
            else [f"{asked.name} has no {label}" for label in {*asked.matched, *asked.grouped} - known[asked.name]]
        )
    ]


def asked_for(expr: str) -> list[Asked]:
    """All series of an expression, a dashboard's included."""
    return list(_walk(promql_parser.parse(expr.replace("$__rate_interval", "1m")), frozenset()))


def _series_of(name: str, kind: str, labels: str) -> Iterator[tuple[str, frozenset[str]]]:
    own = SCRAPED | {label for label in labels.split(", ") if label}
    if kind == "histogram":
        yield from ((f"{name}_bucket", own | {"le"}), (f"{name}_sum", own), (f"{name}_count", own))
    else:
        yield f"{name}_total" if kind == "counter" else name, own


def _walk(node: Any, grouped: frozenset[str]) -> Iterator[Asked]:
    """Down to the selectors; each aggregation over them tells by which of their labels."""
    if isinstance(node, promql_parser.VectorSelector):
        yield Asked(str(node.name), {each.name: each.value for each in node.matchers.matchers}, grouped)
        return
    if isinstance(node, promql_parser.AggregateExpr) and node.modifier:
        if node.modifier.type != promql_parser.AggModifierType.By:
            raise ValueError("`without` says nothing of the labels that are left")
        grouped |= {*node.modifier.labels}
    for name in ("vector_selector", "expr", "lhs", "rhs"):
        if hasattr(node, name):
            yield from _walk(getattr(node, name), grouped)
    for argument in getattr(node, "args", ()):
        yield from _walk(argument, grouped)
