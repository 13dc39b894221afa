"""Starts the whole system and stays in front of it; the one place that knows the order.

    databases ► schema and logins ► services, edge ► demo event ► "look here" … Ctrl-C ► edge, services, databases

Whatever can't work is one line and exit code 1, after stopping whatever was started. Ctrl-C, SIGTERM and SIGHUP stop
all of it cleanly, at any moment. A program that dies is the supervisor's matter, not ours.
"""

import argparse
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from ops.embedded import database_setup, demo_event, observers, ports, readiness
from ops.embedded.data_folder import DataFolder
from ops.embedded.interruption import break_off_by_signals, ignore_signals
from ops.embedded.program_environment import HANDED_OUT, LOGIN_ROLES, Addresses, database_name, on_database
from ops.embedded.readiness import wait_until
from ops.embedded.refusal import CannotStart
from ops.embedded.secret_files import SecretFiles
from ops.embedded.stack_configuration import DATABASE, PROJECT, Wishes, configure, read_wishes
from ops.embedded.supervisor_config import SERVICES_GROUP, read_procfile
from ops.embedded.supervisor_control import SupervisorControl, stop_left_overs

DATABASES_WITHIN_S = 120
READY_WITHIN_S = 120  # a dozen processes start at once, maybe on a slow machine that is busy with other things


class Stack:
    """One running system."""

    def __init__(self, wishes: Wishes, *, observe: bool) -> None:
        self._wishes = wishes
        self._observe = observe
        self._folder = DataFolder(wishes.data_dir.absolute())
        self._secrets = SecretFiles(self._folder.secrets)
        self._control = SupervisorControl(self._folder)

    def run(self) -> None:
        """Start everything, say where to look, and stay until a signal; raises CannotStart, KeyboardInterrupt."""
        self._folder.prepare()
        with self._folder.lock():
            if stop_left_overs(self._folder):
                print("Stopped what an earlier start had left running.", flush=True)
            try:
                self._start()
            finally:
                ignore_signals()
                stop_left_overs(self._folder)

    def _start(self) -> None:
        self._refuse_taken_port()
        processes = read_procfile((PROJECT / "Procfile").read_text())
        at = configure(self._wishes, self._folder, processes, observe=self._observe)
        supervisor = self._control.launch({k: v for k, v in os.environ.items() if k not in HANDED_OUT})
        self._start_databases(at, supervisor)
        self._start_services(at, list(processes))
        demo = demo_event.make(self._folder, self._secrets, at)
        self._start_observers()
        print("\n".join(self._where_to_look(at, demo)), flush=True)
        supervisor.wait()
        raise CannotStart(f"the supervisor has ended; its log is {self._folder.logs / 'supervisord.log'}")

    def _refuse_taken_port(self) -> None:
        if not ports.is_free_everywhere(self._wishes.edge_port):
            raise CannotStart(f"port {self._wishes.edge_port} is taken; set another EDGE_PORT")

    def _where_to_look(self, at: Addresses, demo: Mapping[str, Any]) -> list[str]:
        return [
            f"Live page    {demo['edge_url']}/live/{demo['event_id']}",
            f"Vote page    {demo['edge_url']}/vote/{demo['event_id']}",
            f"Desk         {demo['edge_url']}/desk",
            f"Demo login   {demo['admin']['username']} / {demo['admin']['password']}",
            f"For scripts  {self._folder.demo}",
            *(observers.where_to_look(self._folder, at) if self._observe else []),
            "Ctrl-C stops everything.",
        ]

    def _start_observers(self) -> None:
        for name, state in self._control.states().items():
            if name in observers.NAMES and state == "STOPPED":
                self._control.start(name)

    def _why_no_supervisor(self, supervisor: subprocess.Popen[bytes]) -> str:
        if supervisor.poll() is not None:
            raise CannotStart(
                f"the supervisor ended at once; what it said is in {self._folder.logs / 'supervisord.err'}"
            )
        return "" if self._control.answers() else "the supervisor doesn't answer"

    def _start_databases(self, at: Addresses, supervisor: subprocess.Popen[bytes]) -> None:
        wait_until(partial(self._why_no_supervisor, supervisor), DATABASES_WITHIN_S)
        ours = not self._wishes.database_url
        maintenance = on_database(at.database_url, "postgres") if ours else at.database_url
        wait_until(partial(readiness.postgres, maintenance), DATABASES_WITHIN_S if ours else 0)
        wait_until(partial(readiness.redis_server, at.redis_url), 0 if self._wishes.redis_url else DATABASES_WITHIN_S)
        if why_unfit := database_setup.why_unfit(maintenance):
            raise CannotStart(why_unfit)
        if ours:
            database_setup.make_database(maintenance, DATABASE)
        self._find_identity(at)
        passwords = {role: self._secrets.password(role) for role in LOGIN_ROLES}
        database_setup.bring_up_to_date(at.database_url, at.identity_url, passwords)

    def _find_identity(self, at: Addresses) -> None:
        """The database of people and sessions is the operator's, or one that is made beside the ledger's."""
        if not self._wishes.identity_url:
            database_setup.make_database(at.database_url, database_name(at.identity_url))
        elif why_not := readiness.postgres(at.identity_url) or database_setup.why_unfit_for_people(at.identity_url):
            raise CannotStart(why_not)

    def _start_services(self, at: Addresses, names: list[str]) -> None:
        if self._observe:
            self._control.start("traces")
        self._control.start_group(SERVICES_GROUP)
        self._refuse_taken_port()  # again, since two Caddys share a port without a word
        self._control.start("edge")
        for name in names:
            logs = f"{self._folder.logs / name}.log, or .out"
            wait_until(partial(readiness.service, name, at.ports[name], logs), READY_WITHIN_S)
        wait_until(partial(readiness.edge, at.edge_url, self._folder.logs / "edge.log"), READY_WITHIN_S)


def main() -> int:
    """Until a signal: exit code 0 if all went well, 1 after one line that says what didn't, 2 after the usage."""
    line = argparse.ArgumentParser(prog="./ops/up", description=__doc__.splitlines()[0], allow_abbrev=False)
    line.add_argument("--observe", action="store_true", help="also metrics, by Prometheus, and each vote's journey")
    given = line.parse_args()
    break_off_by_signals()
    # A stream is an open file, and this machine's audience may be large.
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    try:
        Stack(read_wishes(os.environ), observe=given.observe).run()
    except CannotStart as reason:
        print(f"up: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
