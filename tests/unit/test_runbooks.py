"""Each alert has its runbook, each runbook its four parts, and everything that it names is there."""

import functools
import importlib.util
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from ops.embedded.supervisor_config import read_procfile
from ops.operator.__main__ import VERBS
from ops.reference import PAGES, PROJECT
from ops.rig.alert_rules import alerts
from ops.rig.metric_catalogue import catalogue
from ops.rig.runbooks import HEADINGS, README, SHELL, Runbook, runbooks

PROCESSES = [*read_procfile((PROJECT / "Procfile").read_text()), "postgres", "replica", "valkey", "backup"]
each_page = pytest.mark.parametrize("runbook", [*runbooks(), Runbook(README)], ids=lambda each: each.path.stem)


def test_every_alert_has_a_runbook_that_knows_it() -> None:
    """Its link leads to a file that says its name; how urgent it is and what happened is said in words."""
    assert [each.name for each in alerts() if f"`{each.name}`" not in (PROJECT / each.runbook).read_text()] == []
    assert [each.name for each in alerts() if each.severity not in ("page", "warning") or not each.summary] == []


def test_every_runbook_is_listed_and_names_alerts_that_exist() -> None:
    """The page of all has a line for each, and no runbook speaks of an alert that is gone."""
    names = {each.name for each in alerts()}
    for runbook in runbooks():
        assert f"({runbook.path.name})" in README.read_text()
        told = re.findall(r"`([A-Z]\w*[a-z]\w*)`", runbook.text.partition("## What it means")[0])
        assert told
        assert set(told) <= names, runbook.path


@pytest.mark.parametrize("runbook", runbooks(), ids=lambda each: each.path.stem)
def test_a_runbook_has_its_four_parts(runbook: Runbook) -> None:
    """What you see, what it means, what to do, how you know that it's over; and something to run."""
    assert runbook.headings == HEADINGS
    assert runbook.blocks("bash") or runbook.blocks("sql")


@functools.cache
def settings_page() -> str:
    """As it is made from the code."""
    return PAGES["ops/SETTINGS.md"]()


@each_page
def test_what_is_to_be_typed_exists(runbook: Runbook) -> None:
    """Programs, verbs, modules, scripts, processes, settings and metrics."""
    typed = "\n".join(runbook.commands())
    programs, verbs = re.findall(r"\./(ops/[\w-]+)", typed), re.findall(r"\./ops/admin ([\w-]+)", typed)
    assert [each for each in programs if not (PROJECT / each).exists()] == []
    assert set(verbs) <= {verb.name for verb in VERBS}
    modules = re.findall(r"python -m ([\w.]+)", typed)
    assert [each for each in modules if not importlib.util.find_spec(each)] == []
    assert [each for each in re.findall(r"partitions/\w+\.sql", typed) if not (PROJECT / each).exists()] == []
    asked = re.findall(r"^(?:ready|metrics|logs|as|port) (\w+)", typed, re.MULTILINE)
    supervised = re.findall(r"supervise (?:\w+ )+(?:services:)?(\w+)", typed)
    assert {*asked, *supervised} <= {*PROCESSES, "admin", "audit", "edge", "operator", "status", "synthetic"}
    parts = re.findall(r"vote_[a-z_]+", "\n".join(line for line in typed.splitlines() if line.startswith("metrics ")))
    assert [part for part in parts if not any(part in name for name in catalogue())] == []
    settings = re.findall(r"`([A-Z]+_[A-Z_]+)`", runbook.text)
    assert [each for each in settings if f"`{each}`" not in settings_page()] == []


@each_page
def test_bash_is_bash(runbook: Runbook) -> None:
    """The shell can read each block, and the words that they use."""
    for block in [*runbook.blocks("bash"), SHELL.read_text()]:
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert done.stderr == ""


def test_a_setting_is_changed_where_the_process_takes_it(tmp_path: Path) -> None:
    """The word `setting` changes one of one process, and starts that again."""
    file = tmp_path / "environment.json"
    file.write_text(json.dumps({"command": {"A": "1"}, "query": {"A": "1"}}))
    words = f"source {SHELL}; supervise() {{ echo \"$@\"; }}; setting command VOTES_PER_ADDRESS '5 per minute'"
    done = subprocess.run(
        ["bash", "-c", words],
        check=False,
        env={**os.environ, "DATA_DIR": str(tmp_path)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("restart services:command\n", "")
    assert json.loads(file.read_text()) == {
        "command": {"A": "1", "VOTES_PER_ADDRESS": "5 per minute"},
        "query": {"A": "1"},
    }
