"""Silence of the registry is no clean bill of health."""

import subprocess
import sys
from pathlib import Path

import pytest

from ops.dependency_audit import judge

SOUND = {"name": "a", "version": "1", "vulns": []}
VULNERABLE = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
SKIPPED = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code"),
    [([SOUND], 0), ([SOUND, VULNERABLE], 1), ([SOUND, SKIPPED], 2), ([VULNERABLE, SKIPPED], 1), ([], 2)],
)
def test_report(packages: list[object], code: int) -> None:
    """What is vulnerable fails, what wasn't looked up is no success; both are named."""
    given, lines = judge({"dependencies": packages})
    assert given == code
    assert ("b 2: CVE-1, mended in 3" in lines) is (VULNERABLE in packages)
    assert ("not looked up: c: not found" in lines) is (SKIPPED in packages)


def test_data_that_cannot_be_had(tmp_path: Path) -> None:
    """One line, exit code 2."""
    words = [sys.executable, "-m", "ops.dependency_audit", str(tmp_path / "nothing.txt")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("audit-dependencies: nothing was looked up")
    assert len(done.stderr.splitlines()) == 1
