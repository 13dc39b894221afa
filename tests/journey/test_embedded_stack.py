"""The whole system by its one command: it survives the death of each part, and of itself."""

import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ops.embedded import ports
from ops.embedded.readiness import wait_until
from ops.embedded.supervisor_control import MARK
from ops.rig.eventually import PATIENCE_S
from ops.rig.postgres import empty_postgres
from ops.rig.running_stack import RunningStack
from ops.rig.valkey import valkey


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A Postgres and a Redis that somebody else runs."""
    with empty_postgres(tmp_path / "postgres") as postgres, valkey(tmp_path / "valkey") as redis:
        yield {"DATABASE_URL": postgres.database.url(), "REDIS_URL": redis.url}


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
    output, _ = demo.communicate(timeout=2 * PATIENCE_S)
    return output.splitlines()[-1]


def test_five_numbers_whatever_dies(stack: RunningStack) -> None:
    """Fanout, Valkey, command, Postgres and the edge are killed while people vote: each vote counts once."""
    event_id = stack.demo["event_id"]
    before = stack.votes_in_ledger(event_id)
    demo = stack.start_demo("--voters", "4000", "--rate", "40")  # longer than all of it takes; it is told to stop
    wait_until(lambda: "" if stack.votes_in_ledger(event_id) > before else "nobody votes", PATIENCE_S)
    for name in ("fanout", "valkey", "command", "postgres", "edge"):
        pid = stack.pid(name)
        assert demo.poll() is None, f"the audience was done before {name} died"
        stack.kill(name)
        stack.wait_until_replaced(name, pid)
    demo.terminate()
    line = _last_line(demo)
    numbers = re.fullmatch(r"sent (\d+), acked (\d+), ledger (\d+), tally (\d+), leaderboard (\d+): equal", line)
    assert numbers and len(set(numbers.groups())) == 1, line
    stack.wait_ready()


def test_second_up_is_refused(stack: RunningStack) -> None:
    """Another `up` on the same DATA_DIR says who is there already and touches nothing."""
    second = subprocess.run(
        [stack.up], check=False, env=stack.environment, capture_output=True, text=True, timeout=PATIENCE_S
    )
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
    with second.process.running():
        assert {"postgres", "valkey"}.isdisjoint(second.control.states())
        demo = second.start_demo("--voters", "50")
        assert _last_line(demo).endswith("leaderboard 50: equal")
