"""Looks on while a process of the running stack works, and draws where its time goes: ./ops/profile command

py-spy reads the process' memory from outside, a hundred times a second and without stopping it: so votes go on as they
do. It sees what uses a processor; who only waits isn't drawn. Exit code 1 and one line when that can't be done.
"""

import argparse
import http.client
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from ops.embedded.data_folder import DataFolder
from ops.embedded.refusal import CannotStart
from ops.embedded.supervisor_control import SupervisorControl

ENDS = {"flamegraph": "svg", "speedscope": "json", "raw": "txt"}
SECONDS_MAX = 600


def main() -> int:
    """Profile one process and print where the picture is."""
    parser = argparse.ArgumentParser(
        prog="./ops/profile", description="A flame graph of a process of the running stack."
    )
    parser.add_argument("process", help="its name in the Procfile: command, fanout, query, sse, identity")
    parser.add_argument("--seconds", type=int, default=10, choices=range(1, SECONDS_MAX + 1), metavar="N")
    parser.add_argument("--format", choices=sorted(ENDS), default="flamegraph", help="speedscope: for speedscope.app")
    given = parser.parse_args()
    folder = DataFolder(Path(os.environ.get("DATA_DIR", ".data")).absolute())
    try:
        path = profile(folder, given.process, given.seconds, given.format)
    except CannotStart as reason:
        print(f"profile: {reason}", file=sys.stderr)
        return 1
    print(path)
    return 0


def profile(folder: DataFolder, name: str, seconds: int, form: str) -> Path:
    """The file with the picture; raises CannotStart."""
    pid = _pid(folder, name)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = folder.profiles / f"{name}-{moment}.{ENDS[form]}"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    py_spy = shutil.which("py-spy", path=str(Path(sys.executable).parent))
    assert py_spy is not None  # it was installed with what runs this
    words = [py_spy, "record", "--nonblocking", "--pid", str(pid), "--duration", str(seconds), "--format", form]
    done = subprocess.run([*words, "--output", str(path)], capture_output=True, text=True, check=False)
    if done.returncode or not path.exists():
        raise CannotStart(_why(name, done.stderr))
    return path


def _pid(folder: DataFolder, name: str) -> int:
    try:
        pids = SupervisorControl(folder).service_pids()
    except (OSError, http.client.HTTPException):
        raise CannotStart(f"nothing runs on {folder.root}: start ./ops/up, or set its DATA_DIR") from None
    if name not in pids:
        raise CannotStart(f"there is no {name}, but {', '.join(sorted(pids))}")
    if not pids[name]:
        raise CannotStart(f"{name} isn't running now; its logs are in {folder.logs}")
    return pids[name]


def _why(name: str, said: str) -> str:
    last = said.strip().splitlines()[-1:] or ["it said nothing"]
    if "ermission" in said or "ptrace" in said:
        return (
            f"the kernel lets nobody look into {name}: run this as root, or allow it to {name}'s own user by"
            " sysctl kernel.yama.ptrace_scope=0 (in a container: with the capability SYS_PTRACE)"
        )
    if "No stack counts" in said:
        return f"{name} had nothing to do meanwhile: give it work (./ops/demo), or look for longer (--seconds)"
    return f"py-spy can't look into {name}: {last[0]}"


if __name__ == "__main__":
    sys.exit(main())
