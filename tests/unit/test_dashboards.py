"""The dashboards' files are what their code makes, and neither they nor the alerts ask for what nobody exports."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from contract import errors, metric_names, stages
from ops.dashboards.__main__ import FOLDER, files
from ops.reference import PROJECT
from ops.rig.alert_rules import alerts, records
from ops.rig.metric_catalogue import asked_for, catalogue, why_unknown

FILES = dict(files())
BOUNDS = {
    "vote_stage_seconds_bucket": metric_names.STAGE_BOUNDS_S,
    "vote_http_seconds_bucket": metric_names.STAGE_BOUNDS_S,
}


class Panel(NamedTuple):
    """A panel's title and place, and its queries with their legends."""

    title: str
    place: dict[str, int]
    queries: list[tuple[str, str]]


def panels() -> Iterator[Panel]:
    for content in FILES.values():
        for each in json.loads(content)["panels"]:
            yield Panel(each["title"], each["gridPos"], [(of["expr"], of["legendFormat"]) for of in each["targets"]])


def expressions() -> list[str]:
    """All that dashboards and rules ask."""
    shown = [expr for panel in panels() for expr, _legend in panel.queries]
    return [*shown, *(alert.expr for alert in alerts()), *(expr for *_, expr in records())]


def test_files_are_what_the_code_makes() -> None:
    """After a change: python -m ops.dashboards."""
    assert {path: path.read_text() for path in FOLDER.glob("*.json")} == FILES


def test_everything_that_is_asked_for_is_exported() -> None:
    """Each metric is on the page of metrics, with each label by which it is chosen or grouped."""
    known = catalogue()
    assert {why for expr in expressions() for why in why_unknown(expr, known)} == set()


@pytest.mark.parametrize(
    ("expr", "complaint"),
    [
        ("sum(rate(vote_no_such_total[1m]))", "nobody exports vote_no_such_total"),
        ("sum by (color) (rate(vote_outcomes_total[1m]))", "vote_outcomes_total has no color"),
        ('vote_outcomes_total{colour="red"}', "vote_outcomes_total has no colour"),
        ("vote_outcomes", "nobody exports vote_outcomes"),
    ],
)
def test_what_nobody_exports_is_found(expr: str, complaint: str) -> None:
    """A typing error in a name or a label is told."""
    assert why_unknown(expr, catalogue()) == [complaint]


def test_legends_name_labels_that_are_left() -> None:
    """What a line is called is a label that its aggregation keeps."""
    known = catalogue()
    wrong = []
    for panel in panels():
        for expr, legend in panel.queries:
            for label in re.findall(r"{{(\w+)}}", legend):
                kept = [label in (each.grouped or known[each.name]) for each in asked_for(expr)]
                wrong += [] if any(kept) else [f"{panel.title}: {legend}"]
    assert wrong == []


def test_bounds_that_are_asked_for_are_buckets() -> None:
    """A share within a bound is exact, and there at all, only where the bound is a bucket's."""
    asked = {
        (each.name, each.matched["le"]) for expr in expressions() for each in asked_for(expr) if "le" in each.matched
    }
    assert asked
    assert [each for each in asked if each[1] not in map(str, map(float, BOUNDS[each[0]]))] == []


def test_values_of_labels_exist() -> None:
    """Stages, routes and reasons that are chosen by name are those that the code has."""
    words = {
        "stage": [value for name, value in vars(stages).items() if name.isupper() and isinstance(value, str)],
        "route": [f"{job}.{name}" for job in ("command", "identity", "query", "sse") for name in _calls()],
        "reason": [each.code for each in vars(errors).values() if hasattr(each, "code")],
    }
    unknown = [
        f"{label}: {pattern}"
        for expr in expressions()
        for each in asked_for(expr)
        for label, pattern in each.matched.items()
        if label in words
        and not each.name.startswith("vote_synthetic")
        and not any(re.fullmatch(pattern, word) for word in words[label])
    ]
    assert unknown == []


def test_panels_do_not_overlap() -> None:
    """Each has its place in Grafana's 24 columns."""
    for content in FILES.values():
        taken: set[tuple[int, int]] = set()
        for each in json.loads(content)["panels"]:
            at = each["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not taken & cells, each["title"]
            assert at["x"] + at["w"] <= 24
            taken |= cells


def _calls() -> list[str]:
    contract = json.loads((PROJECT / "contract" / "openapi.json").read_text())
    return [each["operationId"] for path in contract["paths"].values() for each in path.values()] + ["ready"]
