"""ops/alerts.yml as it is read: what it records, when it alerts, and where its runbooks are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

OPS = Path(__file__).parent.parent
RULES, RUNBOOKS = OPS / "alerts.yml", OPS / "runbooks"


class Alert(NamedTuple):
    """One alert: its expression, its severity, what it says, and the path of its runbook from the project's folder."""

    name: str
    expr: str
    severity: str
    summary: str
    runbook: str


def alerts() -> list[Alert]:
    """All alerts of the file; raises KeyError when one lacks something."""
    return [
        Alert(rule["alert"], rule["expr"], rule["labels"]["severity"], **rule["annotations"])
        for rule in _rules()
        if "alert" in rule
    ]


def records() -> list[tuple[str, dict[str, str], str]]:
    """What is computed besides: its name, the labels that it is given, and its expression."""
    return [(rule["record"], rule.get("labels", {}), rule["expr"]) for rule in _rules() if "record" in rule]


def _rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        yield from group["rules"]
