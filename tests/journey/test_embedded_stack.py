"""The whole system by its one command: it survives the death of each part, and of itself."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ops.embedded import ports
from ops.embedded.postgres_server import PostgresServer
from ops.embedded.readiness import wait_until
from ops.embedded.supervisor_control import MARK
from ops.embedded.valkey_server import ValkeyServer
from ops.rig.running_stack import RunningStack
from ops.rig.server_process import ServerProcess

PASSWORD = "tests-only"
WITHIN_S = 60


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A Postgres and a Redis that somebody else runs."""
    numbers = ports.choose(["postgres", "valkey"], {})
    postgres = PostgresServer(tmp_path / "postgres", numbers["postgres"])
    postgres.prepare(PASSWORD)
    (postgres.data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    valkey = ValkeyServer(tmp_path / "valkey", numbers["valkey"])
    valkey.prepare(PASSWORD)
    processes = [
        ServerProcess(postgres.command, "ready to accept connections"),
        ServerProcess(valkey.command, "Ready to accept connections"),
    ]
    for process in processes:
        process.start()
    yield {"DATABASE_URL": postgres.url("postgres", PASSWORD, "postgres"), "REDIS_URL": valkey.url(PASSWORD)}
    for process in processes:
        process.stop()


def _running(stack: RunningStack) -> list[str]:
    names = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(stack.folder.root):
                names.append(process.name())
        except psutil.Error:
            continue
    return names


def _last_line(demo: "subprocess.Popen[str]") -> str:
    output, _ = demo.communicate(timeout=180)
    return output.splitlines()[-1]


def test_five_numbers_whatever_dies(stack: RunningStack) -> None:
    """Fanout, Valkey, command, Postgres and the edge are killed while people vote: each vote counts once."""
    event_id = stack.demo["event_id"]
    before = stack.votes_in_ledger(event_id)
    demo = stack.start_demo("--voters", "4000", "--rate", "250")
    wait_until(lambda: "" if stack.votes_in_ledger(event_id) > before else "nobody votes", WITHIN_S)
    for name in ("fanout", "valkey", "command", "postgres", "edge"):
        pid = stack.pid(name)
        stack.kill(name)
        stack.wait_until_replaced(name, pid)
    assert demo.poll() is None, "the audience was done before the last one died"
    assert _last_line(demo) == "sent 4000, acked 4000, ledger 4000, tally 4000, leaderboard 4000: equal"
    stack.wait_ready()


def test_second_up_is_refused(stack: RunningStack) -> None:
    """Another `up` on the same DATA_DIR says who is there already and touches nothing."""
    second = subprocess.run([stack.up], check=False, env=stack.environment, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert second.stderr.startswith(f"up: already running on {stack.folder.root} (process ")
    stack.wait_ready()


def test_stop_ends_all_and_start_keeps_all(stack: RunningStack) -> None:
    """After Ctrl-C nothing is running; the next start shows the same event with the same votes, and the same login."""
    demo, votes = stack.demo, stack.votes_in_ledger(stack.demo["event_id"])
    stack.process.stop()
    assert _running(stack) == []
    stack.process.start()
    assert {name: stack.demo[name] for name in ("event_id", "admin", "edge_url")} == {
        name: demo[name] for name in ("event_id", "admin", "edge_url")
    }
    assert stack.votes_in_ledger(demo["event_id"]) == votes


@pytest.mark.parametrize("supervisor_too", [False, True])
def test_killed_up_is_tidied_away(stack: RunningStack, supervisor_too: bool) -> None:  # noqa: FBT001 - a case
    """After kill -9 of `up`, and of the supervisor, the next `up` stops what they left and starts as always."""
    numbers = stack.folder.ports.read_text()
    stack.process.send_signal(signal.SIGKILL)
    stack.process.wait()
    if supervisor_too:
        [supervisor] = [p for p in psutil.process_iter() if p.pid == stack.supervisor_pid]
        supervisor.kill()
    stack.process.start()
    stack.process.wait_for("Stopped what an earlier start had left running")
    assert stack.folder.ports.read_text() == numbers, "something still has its port"
    stack.wait_ready()


def test_databases_of_the_operator(outside: dict[str, str], tmp_path: Path) -> None:
    """With DATABASE_URL and REDIS_URL, beside another stack, those are used, and none is started."""
    second = RunningStack(tmp_path / "data", ports.choose(["edge"], {})["edge"])
    second.environment |= outside
    second.process.start()
    assert {"postgres", "valkey"}.isdisjoint(second.control.states())
    demo = second.start_demo("--voters", "50")
    assert _last_line(demo).endswith("leaderboard 50: equal")
    second.process.stop()
