"""The whole system as ./ops/up starts it, for tests that go through the edge and for those that kill its parts."""

import json
import os
import signal
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from ops.embedded import observers, readiness
from ops.embedded.data_folder import DataFolder
from ops.embedded.program_environment import HANDED_OUT
from ops.embedded.readiness import wait_until
from ops.embedded.supervisor_config import SERVICES_GROUP
from ops.embedded.supervisor_control import SupervisorControl
from ops.rig.database import Database
from ops.rig.event import find_event
from ops.rig.eventually import PATIENCE_S
from ops.rig.oracle import counts_in_ledger
from ops.rig.server_process import ServerProcess

PROJECT = Path(__file__).parent.parent.parent
NOT_SERVICES = ("postgres", "replica", "valkey", "edge", *observers.NAMES)


class RunningStack:
    """One stack with a DATA_DIR and an edge port of its own, these words on the command line, and these settings."""

    def __init__(self, data_dir: Path, edge_port: int, *words: str, **settings: str) -> None:
        self.folder = DataFolder(data_dir)
        self.control = SupervisorControl(self.folder)
        base = {name: value for name, value in os.environ.items() if name not in HANDED_OUT}
        self.environment = {**base, "DATA_DIR": str(data_dir), "EDGE_PORT": str(edge_port), **settings}
        self.up = PROJECT / "ops" / "up"
        self.process = ServerProcess(lambda: [str(self.up), *words], "Ctrl-C stops everything", self.environment)

    @property
    def demo(self) -> dict[str, Any]:
        """What scripts are told: edge_url, admin, client_token, event_id, database_url, redis_url."""
        content: dict[str, Any] = json.loads(self.folder.demo.read_text())
        return content

    @property
    def supervisor_pid(self) -> int:
        """The process id of the supervisor."""
        return int((self.folder.root / "supervisord.pid").read_text())

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send one of its programs a signal: a service of the Procfile, postgres, valkey or edge."""
        self.control.signal(_full(name), number)

    def pid(self, name: str) -> int:
        """The process id of one of its programs; 0 while it isn't running."""
        return self.control.pid(_full(name))

    def wait_until_replaced(self, name: str, old_pid: int) -> None:
        """Return once the supervisor has started another process in the place of this one."""
        wait_until(lambda: "" if self.pid(name) not in (0, old_pid) else f"{name} stays away", PATIENCE_S)

    def wait_ready(self) -> None:
        """Return once databases, services and edge all say that they are ready."""
        demo, numbers = self.demo, json.loads(self.folder.ports.read_text())
        wait_until(partial(readiness.postgres, demo["database_url"]), PATIENCE_S)
        wait_until(partial(readiness.redis_server, demo["redis_url"]), PATIENCE_S)
        for name in numbers.keys() - set(NOT_SERVICES):
            wait_until(partial(readiness.service, name, numbers[name], "in DATA_DIR/logs"), PATIENCE_S)
        wait_until(partial(readiness.edge, demo["edge_url"], "in DATA_DIR/logs"), PATIENCE_S)

    def votes_in_ledger(self, event_id: str) -> int:
        """count(*) of one event."""
        database = Database(self.demo["database_url"])
        with psycopg.connect(database.url()) as connection:
            event = find_event(connection, event_id)
        return sum(counts_in_ledger(database, [event]).values())

    def start_demo(self, *words: str) -> "subprocess.Popen[str]":
        """An audience, as ./ops/demo makes it; its output is on stdout."""
        command = [str(PROJECT / "ops" / "demo"), *words]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


def _full(name: str) -> str:
    return name if name in NOT_SERVICES else f"{SERVICES_GROUP}:{name}"
