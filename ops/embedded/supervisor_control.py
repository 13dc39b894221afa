"""The running supervisor, spoken to over its control socket, and what is left of one that was killed.

    up ── starts ──► supervisord ── starts ──► databases, services, edge      (all marked by VOTE_STACK=DATA_DIR)

A killed `up` leaves the supervisor and all its programs running; a killed supervisor leaves the programs. The next
`up` holds the lock of the stack, so whatever carries the stack's mark is such a left-over, and is stopped.
"""

import http.client
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy  # nosec B411  # with our own supervisor, over a socket of our own

import psutil
from supervisor.xmlrpc import SupervisorTransport

from ops.embedded.data_folder import DataFolder
from ops.embedded.refusal import CannotStart
from ops.embedded.supervisor_config import SERVICES_GROUP

MARK = "VOTE_STACK"
STOP_WITHIN_S = 180
DONT_WAIT = False  # XML-RPC has no keywords


class SupervisorControl:
    """The supervisor of one stack."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder

    def launch(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start supervisord, in a session of its own: the terminal's Ctrl-C is for `up`, which stops all in order."""
        _own_folder(self._folder.supervisor_socket.parent)
        self._folder.supervisor_socket.unlink(missing_ok=True)  # a killed one's
        words = [sys.executable, "-m", "ops.embedded.supervisord", "-c", str(self._folder.supervisor_conf)]
        with (self._folder.logs / "supervisord.err").open("wb") as said:
            return subprocess.Popen(
                words,
                env={**environment, MARK: str(self._folder.root)},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def answers(self) -> bool:
        """Whether a supervisor of this stack is there."""
        try:
            self._call("getState")
        except (OSError, http.client.HTTPException):
            return False
        return True

    def start(self, name: str) -> None:
        """Start a program without waiting for it."""
        self._call("startProcess", name, DONT_WAIT)

    def start_group(self, name: str) -> None:
        """Start the programs of a group without waiting for them."""
        self._call("startProcessGroup", name, DONT_WAIT)

    def stop(self, name: str) -> None:
        """Stop a program and wait until it is gone; it stays away until `start`."""
        self._call("stopProcess", name)

    def add(self, name: str) -> None:
        """Take a program in that now stands in the configuration file, and start it if it starts by itself."""
        self._call("reloadConfig")
        self._call("addProcessGroup", name)

    def remove(self, name: str) -> None:
        """Stop a program and forget it; nothing happens if there is none of that name."""
        if name in self.states():
            self._call("stopProcessGroup", name)
            self._call("removeProcessGroup", name)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a program a signal; if that ends it, it is started again."""
        self._call("signalProcess", name, str(int(number)))

    def pid(self, name: str) -> int:
        """The program's process id; 0 while it isn't running."""
        return int(self._call("getProcessInfo", name)["pid"])

    def service_pids(self) -> dict[str, int]:
        """The process id of each process of the Procfile by its name; 0 while it isn't running."""
        known = self._call("getAllProcessInfo")
        return {info["name"]: int(info["pid"]) for info in known if info["group"] == SERVICES_GROUP}

    def states(self) -> dict[str, str]:
        """The state of each program, as supervisord names it."""
        return {info["name"]: info["statename"] for info in self._call("getAllProcessInfo")}

    def _call(self, method: str, *words: str | bool) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._folder.supervisor_socket}")
        with ServerProxy("http://127.0.0.1", transport=transport) as proxy:
            try:
                return getattr(proxy.supervisor, method)(*words)
            except Fault as fault:
                raise RuntimeError(f"{method} {words}: {fault.faultString}") from fault


def stop_left_overs(folder: DataFolder) -> bool:
    """Stop the supervisor, or what a killed one has left; tells whether there was something. Raises CannotStart.

    SIGINT lets supervisord stop its programs in order, Postgres not wait for its clients, and the rest end politely.
    """
    found = _left_overs(folder)
    for process in found:
        process.send_signal(signal.SIGINT)
    _, alive = psutil.wait_procs(found, timeout=STOP_WITHIN_S)
    for process in alive:
        raise CannotStart(f"process {process.pid} of {folder.root} doesn't end; end it, then start again")
    return bool(found)


def _left_overs(folder: DataFolder) -> list[psutil.Process]:
    """The marked processes, without the children of marked ones: those are their parents' to stop."""
    mine = {process.pid: process for process in psutil.process_iter() if _mark(process) == str(folder.root)}
    return [process for process in mine.values() if process.ppid() not in mine]


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except psutil.Error:
        return None


def _own_folder(path: Path) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    if path.stat().st_uid != os.getuid():
        raise CannotStart(f"{path} belongs to another user; set a shorter DATA_DIR")
