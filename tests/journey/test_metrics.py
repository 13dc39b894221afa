"""Metrics of the whole running stack: each process exports what the page lists, and nothing else of ours."""

import json
import shutil
import subprocess

import pytest

from ops.reference import metrics
from ops.rig.eventually import eventually
from ops.rig.running_stack import RunningStack
from ops.rig.scrape import OPENMETRICS, Scrape, scrape

PROCESSES = ("command", "fanout", "identity", "query", "sse")
NOT_OURS = ("process_", "python_")
EVERYWHERE = {"vote_build_info", "vote_ready"}


@pytest.fixture(scope="module")
def ports(stack: RunningStack) -> dict[str, int]:
    stack.wait_ready()
    numbers: dict[str, int] = json.loads(stack.folder.ports.read_text())
    return numbers


@pytest.fixture(scope="module")
def scrapes(ports: dict[str, int]) -> dict[str, Scrape]:
    seen: dict[str, Scrape] = {}

    def are_ready() -> bool:  # one that takes longer than a moment to say so counts as not ready
        seen.update({name: scrape(f"http://127.0.0.1:{ports[name]}", OPENMETRICS) for name in PROCESSES})
        return all(each.sum("vote_ready") == 1 for each in seen.values())

    eventually(are_ready, "all say that they are ready")
    return seen


def test_the_page_lists_what_each_process_exports(scrapes: dict[str, Scrape]) -> None:
    """By name, kind, labels and help, with the prefix; and between them the processes export all that it lists."""
    listed, exported = metrics(), set[str]()
    for process, seen in scrapes.items():
        ours = {name: family for name, family in seen.families.items() if not name.startswith(NOT_OURS)}
        assert ours.keys() > EVERYWHERE
        assert ours.keys() <= listed.keys(), process
        for name, family in ours.items():
            described, labels = listed[name]
            assert (name[:5], family.type, family.documentation) == ("vote_", described.type, described.documentation)
            assert {label for sample in family.samples for label in sample.labels} <= {*labels, "le"}
        exported |= ours.keys()
        assert seen.sum("vote_build_info", {"process": process}) == 1
        assert "process_cpu_seconds" in seen.families
    others = ("vote_pg_", "vote_redis_", "vote_backup_", "vote_synthetic_")
    assert exported == {name for name in listed if not name.startswith(others)}


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool isn't installed here (Debian: prometheus)")
def test_prometheus_has_nothing_to_say_against_it(ports: dict[str, int]) -> None:
    """Its own linter finds neither names nor help nor units that it would have otherwise."""
    for name in PROCESSES:
        text = scrape(f"http://127.0.0.1:{ports[name]}").text
        ours = "".join(line + "\n" for line in text.splitlines() if "vote_" in line)
        done = subprocess.run(["promtool", "check", "metrics"], input=ours, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), name
