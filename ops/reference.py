"""Pages that list what the code declares: settings, metrics, logs, errors. A test fails while one differs from it.

python -m ops.reference      after a change of any of them; commit the pages with it
"""

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from limits import RateLimitItem
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric

from contract import errors, metric_names
from contract.latency_histogram import LatencyHistogram
from contract.web.answer_metrics import AnswerCounts
from ops.embedded import stack_configuration
from ops.log_reference import ABOUT_LOGS, log_lines
from ops.observe.server_families import BACKUPS, POSTGRES, REDIS

PROJECT = Path(__file__).parent.parent
SETTINGS_MODULES = (
    "contract.settings",
    "contract.log_settings",
    "contract.trace_settings",
    "command.settings",
    "command.identity.settings",
    "fanout.settings",
    "query.settings",
    "ops.auditor.settings",
    "ops.backups.settings",
    "ops.canary.settings",
    "ops.edge.settings",
    "ops.observe.settings",
    "ops.operator.settings",
    stack_configuration.__name__,
)
EVERYBODY, SERVICE = "contract/settings.py", "contract/web/service.py"
READERS = {  # who reads settings, and where
    "identity": [EVERYBODY, SERVICE, "command/identity/__main__.py"],
    "command": [EVERYBODY, SERVICE, "command/__main__.py"],
    "rules": [EVERYBODY, "command/votes/rules/__main__.py"],
    "fanout": [EVERYBODY, "fanout/__main__.py"],
    "query": [EVERYBODY, SERVICE, "query/reads/__main__.py"],
    "sse": [EVERYBODY, SERVICE, "query/streams/__main__.py"],
    "edge": [EVERYBODY, "ops/edge/__main__.py"],
    "synthetic": [EVERYBODY, "ops/canary/__main__.py"],
    "exporter": [EVERYBODY, "ops/observe/exporter.py"],
    "backup": [EVERYBODY, "ops/backups/__main__.py", "ops/backups/wal_receiver.py"],
    "restore": [EVERYBODY, "ops/backups/restore.py"],
    "traces": [EVERYBODY, "ops/traces/__main__.py"],
    "migrate": [EVERYBODY, "ops/migrate.py"],
    "audit": [EVERYBODY, "ops/auditor/__main__.py"],
    "admin": [EVERYBODY, "ops/operator/office.py"],
    "up": [EVERYBODY, "ops/embedded/stack_configuration.py"],
}
EXPORTING = ("command", "contract", "fanout", "ops", "query")
LOGGING = ("command", "contract", "fanout", "query")
MADE = "Made by `python -m ops.reference` from the code; a test compares."


def settings_page() -> str:
    """ops/SETTINGS.md"""
    head = (
        f"{MADE} Each is a variable of the environment, read once at the start; one that is missing or malformed ends "
        "the process with one line and exit code 2. `./ops/up` sets what has no default."
    )
    parts = ["# Settings", head]
    for piece in _pieces():
        rows = [
            (_variable(field.metadata), _default(field.metadata), field.metadata["unit"], f"`{field.name}`")
            for field in _own_fields(piece)
        ]
        parts.append(f"## {piece.__name__}\n{_flat(piece)} Read by: {', '.join(readers_of(piece))}.")
        parts.append(_table(("Variable", "Default", "Unit", "Field"), rows))
    return "\n\n".join(parts) + "\n"


def metrics_page() -> str:
    """ops/METRICS.md"""
    rows = [
        (f"`{name}`", described.type, ", ".join(labels), described.documentation)
        for name, (described, labels) in sorted(metrics().items())
    ]
    head = (
        f"{MADE} Each process answers `/metrics` with those that it has, at its own port and never through the edge, "
        "and with prometheus_client's own `process_*` and `python_*`. A counter's samples end in `_total`, a "
        "histogram's in `_bucket`, `_sum` and `_count`; who asks for OpenMetrics gets exemplars, too. Two processes of "
        "one kind are two targets of a scraper, and what they say adds up."
    )
    return f"# Metrics\n\n{head}\n\n{_table(('Metric', 'Kind', 'Labels', 'Meaning'), rows)}\n"


def errors_page() -> str:
    """contract/ERRORS.md"""
    known = (each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, errors.ContractError))
    rows = [
        (str(each.status), f"`{each.code}`", inspect.getdoc(each) or "")
        for each in sorted(known, key=lambda each: (each.status, each.code))
    ]
    return f"# Error codes\n\n{MADE}\n\n{_table(('Status', 'Code', 'Meaning'), rows)}\n"


def logs_page() -> str:
    """ops/LOGS.md"""
    rows = [(message, level, fields, f"`{path}`") for message, level, fields, path in log_lines(PROJECT, LOGGING)]
    return f"# Logs\n\n{MADE}\n\n{ABOUT_LOGS}\n{_table(('Message', 'Level', 'Fields', 'File'), rows)}\n"


PAGES = {
    "ops/LOGS.md": logs_page,
    "ops/SETTINGS.md": settings_page,
    "ops/METRICS.md": metrics_page,
    "contract/ERRORS.md": errors_page,
}


def readers_of(piece: type) -> list[str]:
    """The processes whose composition reads this piece, or one derived from it."""
    names = [each.__name__ for each in _all_pieces() if issubclass(each, piece)]
    wanted = re.compile(rf"\bread\((settings\.)?({'|'.join(names)}),")
    return [name for name, files in READERS.items() if wanted.search("".join(map(_text, files)))]


def _text(path: str) -> str:
    return (PROJECT / path).read_text()


def _all_pieces() -> Iterator[type]:
    for name in SETTINGS_MODULES:
        for _, each in inspect.getmembers(importlib.import_module(name), dataclasses.is_dataclass):
            if isinstance(each, type) and each.__module__ == name:
                yield each


def _pieces() -> list[type]:
    return [piece for piece in _all_pieces() if _own_fields(piece)]


def _own_fields(piece: type) -> list["dataclasses.Field[Any]"]:
    return [field for field in dataclasses.fields(piece) if field.name in piece.__annotations__]


def _variable(metadata: Any) -> str:
    variable = metadata["variable"]
    return f"`{variable}` or `{variable}_FILE`" if metadata["secret"] else f"`{variable}`"


def _default(metadata: Any) -> str:
    if isinstance(metadata["default"], RateLimitItem):
        return str(metadata["default"])
    default = metadata["default"]
    if default is None:
        return "none"
    if not isinstance(default, str | int | float | Path | tuple):
        return "must be set"
    return (", ".join(default) if isinstance(default, tuple) else str(default)) or "none"


def metrics() -> dict[str, tuple[Metric, Sequence[str]]]:
    """All that any process exports of ours, by name, each with its labels."""
    for path in chain.from_iterable(sorted((PROJECT / package).rglob("*.py")) for package in EXPORTING):
        if re.search(r"\bmetric_names\.[A-Z]", path.read_text()):
            importlib.import_module(".".join(path.relative_to(PROJECT).with_suffix("").parts))
    named = {value for name, value in vars(metric_names).items() if name.isupper() and isinstance(value, str)}
    found = {}
    for collector in REGISTRY._collector_to_names:  # noqa: SLF001  # no other way
        if isinstance(collector, MetricWrapperBase | LatencyHistogram | AnswerCounts):
            (described,) = collector.describe()
            found[described.name] = described, collector._labelnames  # noqa: SLF001
    for server in (POSTGRES, REDIS, BACKUPS):
        found |= {each.name: (each.filled([]), each.labels) for each in (server.up, *server.families)}
    return {name: each for name, each in found.items() if name in named}


def _flat(described: type) -> str:
    return " ".join((inspect.getdoc(described) or "").split())


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


if __name__ == "__main__":
    for path, page in PAGES.items():
        (PROJECT / path).write_text(page())
