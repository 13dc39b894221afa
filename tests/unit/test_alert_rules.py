"""ops/alerts.yml, by promtool itself: each alert fires in its fault, and neither before it nor after it."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.drill.faults import faults
from ops.rig.alert_rules import RULES, alerts
from tests.unit.alert_cases import ALWAYS, CASES, HEALED_STEPS, HEALTHY_STEPS, STEP_S, Case

BEGINS_S = HEALTHY_STEPS * STEP_S
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(not PROMTOOL, reason="promtool isn't installed (Debian: prometheus)")


def test_each_alert_has_a_case() -> None:
    """None is tried by nobody, and no case is of an alert that is gone."""
    assert {case.alert for case in CASES} == {alert.name for alert in alerts()}


def test_the_drill_waits_for_alerts_that_exist() -> None:
    """Each fault that ./ops/alert-drill makes names the alert that has to fire."""
    assert {fault.alert for fault in faults()} <= {alert.name for alert in alerts()}


@needs_promtool
def test_alerts_fire_and_clear(tmp_path: Path) -> None:
    """In each case the alert fires within its time of the fault, and has cleared its time after it; nothing before."""
    file = tmp_path / "cases.yml"
    tests = [_test(cases) for cases in _apart()]
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "5s", "tests": tests}))
    _run("test", "rules", str(file))


@needs_promtool
def test_rules_are_rules() -> None:
    """Prometheus takes the file."""
    _run("check", "rules", str(RULES))


def _apart() -> list[list[Case]]:
    """The cases, put together where they have no metric in common: promtool takes a second for each test."""
    together: list[list[Case]] = []
    for case in CASES:
        for others in together:
            if not any(_meet(case, other) for other in others):
                others.append(case)
                break
        else:
            together.append([case])
    return together


def _meet(case: Case, other: Case) -> bool:
    return case.fault_s != other.fault_s or case.alert == other.alert or bool(case.metrics & other.metrics)


def _test(cases: list[Case]) -> dict[str, Any]:
    fault_s = cases[0].fault_s
    series = {**ALWAYS, **{name: values for case in cases for name, values in case.series.items()}}
    before = {"expr": 'ALERTS{alertstate="firing"}', "eval_time": f"{BEGINS_S - STEP_S}s", "exp_samples": []}
    return {
        "name": ", ".join(case.alert for case in cases),
        "interval": f"{STEP_S}s",
        "input_series": [
            {"series": name, "values": values.values(fault_s // STEP_S)} for name, values in series.items()
        ],
        "promql_expr_test": [before, *(expected for case in cases for expected in _expected(case))],
    }


def _expected(case: Case) -> Iterator[dict[str, Any]]:
    assert case.within_s < case.fault_s
    assert case.after_s <= HEALED_STEPS * STEP_S
    firing = f'count(ALERTS{{alertname="{case.alert}", alertstate="firing"}}) > bool 0'
    yes = {"labels": "{}", "value": 1}
    yield {"expr": firing, "eval_time": f"{BEGINS_S + case.within_s}s", "exp_samples": [yes]}
    yield {"expr": firing, "eval_time": f"{BEGINS_S + case.fault_s + case.after_s}s", "exp_samples": []}


def _run(*words: str) -> None:
    assert PROMTOOL
    done = subprocess.run([PROMTOOL, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
