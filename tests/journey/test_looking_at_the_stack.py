"""What operators look at while the stack runs: how each process does, its logs, where its time goes."""

import json
import subprocess
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator

import pytest

from ops.embedded.readiness import DIRECTLY
from ops.rig.eventually import PATIENCE_S, eventually
from ops.rig.running_stack import PROJECT, RunningStack

PROGRAMS = ("command", "fanout", "sse", "query", "identity")


def inside(stack: RunningStack, name: str, path: str, accept: str = "*/*") -> str:
    """What a process answers at its own port."""
    port = json.loads(stack.folder.ports.read_text())[name]
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Accept": accept})
    with DIRECTLY.open(request, timeout=PATIENCE_S) as answer:
        return str(answer.read().decode())


@pytest.fixture
def busy_query(stack: RunningStack) -> Iterator[None]:
    """The query process has something to do meanwhile."""
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            inside(stack, "query", "/metrics")

    asking = threading.Thread(target=ask)
    asking.start()
    yield
    done.set()
    asking.join()


def test_every_process_says_how_it_does(stack: RunningStack) -> None:
    """One page inside tells of each process, for people and for programs; outside there is none."""

    def told() -> list[dict[str, object]]:
        page: dict[str, list[dict[str, object]]] = json.loads(inside(stack, "query", "/status", "application/json"))
        return page["processes"]

    def all_are_ready() -> bool:
        return {each["program"] for each in told() if each["ready"] and not each["silent"]} == set(PROGRAMS)

    eventually(all_are_ready, "all processes say that they are ready")
    pids = {each["program"]: each["pid"] for each in told() if not each["silent"]}
    assert pids["fanout"] == stack.pid("fanout")
    lines = inside(stack, "query", "/status").splitlines()
    assert [line for line in lines if line in PROGRAMS] == ["command", "fanout", "sse", "query", "identity"]
    for path in ("/status", "/live", "/ready"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            DIRECTLY.open(f"{stack.demo['edge_url']}{path}")


def test_every_process_is_alive(stack: RunningStack) -> None:
    """Each answers /live, whatever it depends on."""
    assert {inside(stack, name, "/live") for name in PROGRAMS} == {'{"alive":true}'}


def test_logs_begin_with_who_starts(stack: RunningStack) -> None:
    """Each process' first line says its version and its settings, and none of the passwords and keys in them."""
    files = [path for path in stack.folder.secrets.rglob("*") if path.is_file() and "canaries" not in path.name]
    secrets = [path.read_text().strip() for path in files]
    environments = json.loads(stack.folder.environment.read_text())
    passwords = {url.split(":")[2].split("@")[0] for own in environments.values() for url in own.values() if "@" in url}
    assert len(passwords) > 3
    for name in PROGRAMS:
        log = (stack.folder.logs / f"{name}.log").read_text()
        first = json.loads(log.splitlines()[0])
        assert (first["message"], first["process"]) == ("starting", name)
        assert first["settings"]["LOG_FILE"].endswith(f"{name}.log")
        assert not [secret for secret in (*secrets, *passwords) if secret in log]


def test_lines_of_a_request_have_its_trace(stack: RunningStack) -> None:
    """Whatever is logged while a request is answered says in which trace, which is the client's."""
    trace, port = uuid.uuid4().hex, stack.demo["edge_url"].rpartition(":")[2]
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-00"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/me/votes", headers=headers)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        DIRECTLY.open(request)

    def lines() -> list[dict[str, object]]:
        found = (stack.folder.logs / "query.log").read_text().splitlines()
        return [json.loads(line) for line in found if trace in line]

    eventually(lambda: len(lines()) == 2, "both lines are written")
    assert [(line["message"], line["trace_id"]) for line in lines()] == [("not let in", trace), ("answered", trace)]
    assert lines()[1]["status"] == 401


@pytest.mark.usefixtures("busy_query")
def test_a_flame_graph_of_a_running_process(stack: RunningStack) -> None:
    """./ops/profile draws where a process spends its time, and prints where the picture is."""
    done = run_profile(stack, "query", "--seconds", "1")
    if "ptrace" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert (done.returncode, done.stderr) == (0, "")
    picture = stack.folder.profiles / done.stdout.strip().rpartition("/")[2]
    assert picture.suffix == ".svg"
    assert "exposition" in picture.read_text()  # what it was asked for is in it


def test_what_cant_be_profiled_is_said(stack: RunningStack) -> None:
    """A name that nobody has gets the names that there are."""
    done = run_profile(stack, "nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "profile: there is no nobody, but command, fanout, identity, query, sse\n"


def run_profile(stack: RunningStack, *words: str) -> "subprocess.CompletedProcess[str]":
    """./ops/profile for this stack."""
    command = [str(PROJECT / "ops" / "profile"), *words]
    return subprocess.run(command, env=stack.environment, capture_output=True, text=True, check=False)
