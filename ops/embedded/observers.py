"""What `./ops/up --observe` runs besides: programs that look on, and that nobody waits for.

    exporter ──reads──► Postgres, Redis            traces ◄──spans── services
        ▲                                             shows each vote's journey
        └── prometheus ──scrapes──► services       synthetic ──votes──► edge
                                                      follows each to the screen

Prometheus runs where it is installed. All of them begin when everything that they look at serves, so that they make no
start slower; but for the receiver of traces, since spans that nobody takes are complaints in logs.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from ops.embedded import readiness
from ops.embedded.data_folder import DataFolder
from ops.embedded.program_environment import Addresses
from ops.embedded.refusal import CannotStart
from ops.embedded.supervisor_config import Program, launched_words, observer_program

OPS = Path(__file__).parent.parent
NAMES = ("traces", "exporter", "prometheus", "synthetic")
ALERTS = OPS / "alerts.yml"
SCRAPE_EVERY = "5s"
KEPT_FOR, KEPT_SIZE_MAX = "2d", "512MB"
HOW_TO_GET_PROMETHEUS = "isn't installed (on Debian: apt-get install prometheus); all else works without it"
READY_WITHIN_S = 60


def prepare(folder: DataFolder, ports: Mapping[str, int], processes: Sequence[str]) -> list[Program]:
    """Write Prometheus' configuration, and tell which programs to supervise; without Prometheus it is none of them."""
    folder.prometheus.mkdir(mode=0o700, exist_ok=True)
    configuration = folder.prometheus / "prometheus.yml"
    targets = [*processes, "exporter", "prometheus", "synthetic"]
    configuration.write_text(json.dumps(scraping(ports, targets), indent=1))
    launched = {
        "exporter": ["python", "-m", "ops.observe.exporter"],
        "traces": ["python", "-m", "ops.traces"],
        "synthetic": [str(OPS / "synthetic")],
    }
    programs = [observer_program(name, launched_words(folder, name, words)) for name, words in launched.items()]
    if binary := prometheus_binary():
        words = [
            binary,
            f"--config.file={configuration}",
            f"--storage.tsdb.path={folder.prometheus / 'data'}",
            f"--storage.tsdb.retention.time={KEPT_FOR}",
            f"--storage.tsdb.retention.size={KEPT_SIZE_MAX}",
            f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
            "--enable-feature=exemplar-storage",
            "--log.level=warn",
        ]
        programs.append(observer_program("prometheus", words))
    return programs


def scraping(ports: Mapping[str, int], processes: Sequence[str]) -> dict[str, object]:
    """Prometheus' configuration: each process a job of its name. It is JSON, which YAML understands."""
    return {
        "global": {"scrape_interval": SCRAPE_EVERY, "scrape_timeout": "4s", "evaluation_interval": SCRAPE_EVERY},
        "rule_files": [str(ALERTS)] if ALERTS.exists() else [],
        "scrape_configs": [
            {
                "job_name": name,
                "honor_labels": True,  # what a process says of itself by a label `process` stands
                "static_configs": [{"targets": [f"127.0.0.1:{ports[name]}"], "labels": {"process": name}}],
            }
            for name in processes
        ],
    }


def prometheus_binary() -> str | None:
    """Where Prometheus is; None: not on this machine."""
    return shutil.which("prometheus")


def where_to_look(folder: DataFolder, at: Addresses) -> list[str]:
    """A line for each, once it answers; what doesn't in time says so, and holds up nobody."""
    metrics = at.url_of("prometheus")
    alerts = f"{metrics}/graph (what is scraped: /targets, alerts: /alerts)"
    journeys = f"{at.url_of('traces')}/ (in the terminal: ./ops/trace)"
    return [
        f"Metrics      {_awaited(f'{metrics}/-/ready', alerts, folder, 'prometheus')}"
        if prometheus_binary()
        else f"Prometheus   {HOW_TO_GET_PROMETHEUS}",
        f"Journeys     {_awaited(at.url_of('traces'), journeys, folder, 'traces')}",
    ]


def _awaited(url: str, found: str, folder: DataFolder, name: str) -> str:
    try:
        readiness.wait_until(partial(readiness.page, url), READY_WITHIN_S)
    except CannotStart as reason:
        return f"{name} doesn't answer ({reason}); its log is {folder.logs / f'{name}.log'}"
    return found
