"""Asks the running Prometheus every query of every dashboard, and says which ones it has nothing to show for.

    data      it has a number now
    quiet     what it counts has not happened yet (since the start, or in the last hour): a good day has no refusals
    broken    Prometheus doesn't understand it, or no process exports what it asks for

./ops/observe-check      of the stack that `./ops/up --observe` runs from DATA_DIR; exit code 1 when one is broken
"""

import argparse
import json
import math
import os
import re
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ops.embedded.data_folder import DataFolder
from ops.embedded.readiness import DIRECTLY

DASHBOARDS = Path(__file__).parent.parent / "dashboards"
WINDOW = "1h"  # in the place of Grafana's own, so that what has happened at all is seen
NOT_OURS = ("node_",)  # of exporters that an operator may have besides
_METRIC = re.compile(r"\b(?:vote|process|python|prometheus|node)_[a-z0-9_]+")
_QUOTED = re.compile(r'"[^"]*"')
_WINDOW = re.compile(r"\$__(rate_interval|interval|range)\b")
_SUFFIX = re.compile(r"_(total|bucket|count|sum|created)$")
ANSWER_S_MAX = 30


class CannotAskError(Exception):
    """The message is the whole line."""


@dataclass(frozen=True)
class Finding:
    """What became of one query; `why` is "" for one with data."""

    dashboard: str
    panel: str
    query: str
    kind: str
    why: str = ""


class Prometheus:
    """A Prometheus by its HTTP API."""

    def __init__(self, url: str) -> None:
        self._url = url

    def values(self, query: str) -> list[float]:
        """The numbers that a query gives now; raises ValueError with Prometheus' complaint, CannotAskError."""
        result = self._get(f"/api/v1/query?{urlencode({'query': query})}")["result"]
        return [float(each["value"][1]) for each in result]

    def exported(self) -> set[str]:
        """The metrics that are declared by some process, also those without a value yet; raises CannotAskError."""
        return {_SUFFIX.sub("", name) for name in self._get("/api/v1/metadata")}

    def _get(self, path: str) -> Any:
        try:
            with DIRECTLY.open(self._url + path, timeout=ANSWER_S_MAX) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error).get("error", str(error))) from error
        except OSError as error:
            raise CannotAskError(f"Prometheus doesn't answer at {self._url} ({error})") from error


def queries(folder: Path = DASHBOARDS) -> Iterator[tuple[str, str, str]]:
    """Dashboard, panel and query of all targets of all panels."""
    for path in sorted(folder.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                yield path.stem, panel["title"], target["expr"]


def check(prometheus: Prometheus, folder: Path = DASHBOARDS) -> list[Finding]:
    """What became of each query; raises CannotAskError."""
    exported = prometheus.exported()
    return [Finding(*each, *_tried(prometheus, each[2], exported)) for each in queries(folder)]


def _tried(prometheus: Prometheus, query: str, exported: set[str]) -> tuple[str, str]:
    unknown = sorted({_SUFFIX.sub("", name) for name in _METRIC.findall(_QUOTED.sub("", query))} - exported)
    if ours := [name for name in unknown if not name.startswith(NOT_OURS)]:
        return "broken", f"nobody exports {', '.join(ours)}"
    try:
        values = prometheus.values(_WINDOW.sub(WINDOW, query))
    except ValueError as error:
        return "broken", str(error)
    if any(not math.isnan(value) for value in values):
        return "data", ""
    return "quiet", f"there is no {', '.join(unknown)}" if unknown else "has not happened"


def report(findings: list[Finding]) -> int:
    """Print all that has no data, and how many have; the exit code."""
    silent = [f"{each.kind:<7} {each.dashboard}, {each.panel}: {each.why}" for each in findings if each.kind != "data"]
    print("".join(f"{line}\n" for line in dict.fromkeys(silent)), end="")  # of three percentiles once
    counted = Counter(each.kind for each in findings)
    print(f"{len(findings)} queries: {counted['data']} have data, {counted['quiet']} quiet, {counted['broken']} broken")
    return int(counted["broken"] > 0)


def prometheus_of(folder: DataFolder) -> Prometheus:
    """The Prometheus of the stack that runs from this folder; raises CannotAskError."""
    port = (json.loads(folder.ports.read_text()) if folder.ports.exists() else {}).get("prometheus")
    if port is None:
        raise CannotAskError(f"{folder.root} has no Prometheus: start the stack with ./ops/up --observe first")
    return Prometheus(f"http://127.0.0.1:{port}")


def main() -> int:
    """The command line."""
    line = argparse.ArgumentParser(prog="./ops/observe-check", description=__doc__.splitlines()[0])
    line.add_argument("--data-dir", type=Path, default=Path(os.environ["DATA_DIR"]), help="the stack's DATA_DIR")
    try:
        return report(check(prometheus_of(DataFolder(line.parse_args().data_dir.absolute()))))
    except CannotAskError as reason:
        print(f"observe-check: {reason}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
