"""Do alerts say what is broken, soon, and nothing while all is well? On a stack of its own, with voters and viewers.

    calm: no alert for minutes ─► for each fault: break ─► its alert fires within 60 s ─► heal ─► it clears

    ./ops/alert-drill                                  all of it: ten calm minutes, and two or three for each fault
    ./ops/alert-drill --calm-minutes 0 --only flood    one of them

Exit code 0 if each alert fired in time and cleared, and none fired in the calm. Nothing else may use the machine's
cores: who is slow misses the objectives, and the alerts say so.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ops.drill.faults import Fault, faults
from ops.drill.watched_stack import LOOK_EVERY_S, WatchedStack, watched_stack

WARM_UP_S, FIRES_WITHIN_S, CLEARS_WITHIN_S = 120.0, 60.0, 240.0
LOG_DISK = "size=32m,mode=0755"


class Outcome(NamedTuple):
    """Seconds until the alert fired, and until it cleared after the healing (None: never), and what fired besides."""

    fault: Fault
    fired_s: float | None
    cleared_s: float | None
    beside: list[str]

    @property
    def is_right(self) -> bool:
        """In time, and cleared."""
        return self.fired_s is not None and self.fired_s <= FIRES_WITHIN_S and self.cleared_s is not None


def calm(watched: WatchedStack, minutes: float) -> list[str]:
    """The alerts that fired though nothing was broken."""
    seen: set[str] = set()
    ends = time.monotonic() + minutes * 60
    while time.monotonic() < ends:
        for name in watched.firing() - seen:
            print(f"fired in the calm: {name}", flush=True)
            seen.add(name)
        time.sleep(LOOK_EVERY_S)
    return sorted(seen)


def tried(watched: WatchedStack, fault: Fault) -> Outcome:
    """Break, wait for the alert, heal, wait for its end."""
    seen: set[str] = set()
    with fault.broken(watched):
        # Twice the time: how late it is is worth knowing.
        fired_s = watched.seconds_until(fault.alert, fires=True, within_s=2 * FIRES_WITHIN_S, seen=seen)
    cleared_s = watched.seconds_until(fault.alert, fires=False, within_s=CLEARS_WITHIN_S, seen=seen)
    outcome = Outcome(fault, fired_s, cleared_s, sorted(seen - {fault.alert}))
    print(_row(outcome), flush=True)
    return outcome


@contextlib.contextmanager
def data_folder() -> Iterator[Path]:
    """An empty DATA_DIR, whose logs are on a disk of their own if we may mount one."""
    with tempfile.TemporaryDirectory(prefix="alert-drill-") as name:
        logs = Path(name) / "logs"
        logs.mkdir(mode=0o700)
        if os.geteuid() != 0:
            print("log disk full: not tried, since only root can make a small disk")
            yield Path(name)
            return
        subprocess.run(["mount", "-t", "tmpfs", "-o", LOG_DISK, "tmpfs", str(logs)], check=True)
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "--lazy", str(logs)], check=True)


def _row(outcome: Outcome) -> str:
    fired, cleared = ("never" if each is None else f"{each:.0f} s" for each in outcome[1:3])
    return f"{outcome.fault.name:<18} {outcome.fault.alert:<16} {fired:>7} {cleared:>8}   {', '.join(outcome.beside)}"


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    known = {fault.name: fault for fault in faults()}
    line = argparse.ArgumentParser(prog="./ops/alert-drill", description=__doc__.splitlines()[0])
    line.add_argument("--calm-minutes", type=float, default=10.0, help="how long nothing is broken at first")
    line.add_argument("--only", nargs="*", choices=known, default=list(known), metavar="FAULT", help=", ".join(known))
    given = line.parse_args(arguments)
    if not shutil.which("prometheus"):
        print("alert-drill: Prometheus isn't installed (Debian: apt-get install prometheus)", file=sys.stderr)
        return 2
    with data_folder() as folder, watched_stack(folder) as watched:
        time.sleep(WARM_UP_S)  # a stack that has just started is slow; the calm is after that
        print(f"calm for {given.calm_minutes:g} minutes …", flush=True)
        disturbed = calm(watched, given.calm_minutes)
        print(f"in the calm: {', '.join(disturbed) or 'no alert'}; {dict(watched.crowd.statuses)}\n")
        print(f"{'fault':<18} {'alert':<16} {'fires':>7} {'clears':>8}   what else fired meanwhile", flush=True)
        outcomes = [tried(watched, known[name]) for name in given.only]
    return int(bool(disturbed) or not all(outcome.is_right for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
