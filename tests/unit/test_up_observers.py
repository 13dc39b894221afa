"""What `./ops/up --observe` adds to a stack, with Prometheus on the machine and without."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ops.embedded import observers
from ops.embedded.data_folder import DataFolder
from ops.embedded.program_environment import Addresses, environments, identity_beside
from ops.embedded.secret_files import SecretFiles
from ops.embedded.stack_configuration import PROJECT
from ops.embedded.supervisor_config import read_procfile

LEDGER = "postgresql://postgres:root-secret@127.0.0.1:1/vote"
PROCESSES = list(read_procfile((PROJECT / "Procfile").read_text()))
PORTS = {name: 15_000 + number for number, name in enumerate([*PROCESSES, *observers.NAMES])}


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path)
    made.prepare()
    return made


def at(ports: dict[str, int]) -> Addresses:
    return Addresses(LEDGER, identity_beside(LEDGER), "", "redis://:r@127.0.0.1:2/0", ports, 8080)


def prepared(folder: DataFolder, binary: str | None, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The command line of each program."""
    monkeypatch.setattr(observers, "prometheus_binary", lambda: binary)
    return {program.name: program.command for program in observers.prepare(folder, PORTS, PROCESSES)}


def test_every_process_is_scraped_under_its_name(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the Procfile, the exporter, Prometheus and synthetic votes, each at its port; it keeps so much."""
    words = prepared(folder, "/usr/bin/prometheus", monkeypatch)["prometheus"]
    [path] = [word.partition("=")[2] for word in words if word.startswith("--config.file=")]
    jobs = json.loads(Path(path).read_text())["scrape_configs"]
    found = {job["job_name"]: job["static_configs"][0]["targets"] for job in jobs}
    assert found == {name: [f"127.0.0.1:{PORTS[name]}"] for name in [*PROCESSES, "exporter", "prometheus", "synthetic"]}
    assert f"--web.listen-address=127.0.0.1:{PORTS['prometheus']}" in words
    assert {"--storage.tsdb.retention.time=2d", "--storage.tsdb.retention.size=512MB"} < set(words)


def test_without_prometheus_all_else_is_there(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says how to get it."""
    assert set(prepared(folder, None, monkeypatch)) == {"exporter", "traces", "synthetic"}
    monkeypatch.setattr("ops.embedded.readiness.page", lambda _url: "")
    lines = observers.where_to_look(folder, at(PORTS))
    assert [line.split()[0] for line in lines] == ["Prometheus", "Journeys"]
    assert "apt-get install prometheus" in lines[0]


def test_one_that_does_not_answer_holds_up_nobody(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while its line names its log instead of its address."""
    monkeypatch.setattr(observers, "READY_WITHIN_S", 0)
    monkeypatch.setattr(observers, "prometheus_binary", lambda: "/usr/bin/prometheus")
    monkeypatch.setattr("ops.embedded.readiness.page", lambda _url: "refused")
    for line in observers.where_to_look(folder, at(PORTS)):
        assert "doesn't answer (refused); its log is" in line


def test_who_is_told_what(folder: DataFolder) -> None:
    """The exporter logs in as one who sees no vote; services send spans only where somebody takes them."""
    secrets = SecretFiles(folder.secrets)
    told = environments(folder, secrets, at(PORTS))
    assert told["exporter"]["DATABASE_URL"].startswith("postgresql://vote_monitor:")
    assert "root-secret" not in json.dumps({**told, "operator": {}})
    assert {told[name]["OTEL_EXPORTER_OTLP_ENDPOINT"] for name in PROCESSES} == {f"http://127.0.0.1:{PORTS['traces']}"}
    unobserved = environments(folder, secrets, at({name: PORTS[name] for name in PROCESSES}))
    assert "OTEL" not in json.dumps(unobserved)


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool isn't installed (on Debian: prometheus)")
def test_promtool_takes_the_configuration(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the rules of ops/alerts.yml in it."""
    prepared(folder, "/usr/bin/prometheus", monkeypatch)
    words = ["promtool", "check", "config", str(folder.prometheus / "prometheus.yml")]
    checked = subprocess.run(words, check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
