"""Asks pip-audit for known vulnerabilities of pinned packages, and doesn't take its silence for an answer.

Where a registry has no such data, pip-audit skips every package and ends well. Exit code 0: each was looked up and is
sound; 1: some are vulnerable; 2: some couldn't be looked up.

    ./ops/audit-dependencies
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

PIP_AUDIT = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json"]


def judge(report: Mapping[str, Any]) -> tuple[int, list[str]]:
    """The exit code and what to say of pip-audit's report."""
    packages = report["dependencies"]
    skipped = [each for each in packages if "skip_reason" in each]
    vulnerable = [each for each in packages if each.get("vulns")]
    lines = [
        f"{each['name']} {each['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'no version'}"
        for each in vulnerable
        for found in each["vulns"]
    ]
    lines += [f"not looked up: {each['name']}: {each['skip_reason']}" for each in skipped]
    lines.append(f"{len(packages)} packages: {len(vulnerable)} vulnerable, {len(skipped)} not looked up")
    return (1 if vulnerable else 2 if skipped or not packages else 0), lines


def main(files: Sequence[str]) -> int:
    """Audit the packages of these requirements files."""
    words = [*PIP_AUDIT, *(f"--requirement={file}" for file in files)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    try:
        report = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip() or "pip-audit said nothing").splitlines()[-1]
        print(f"audit-dependencies: nothing was looked up, the data can't be had here: {last}", file=sys.stderr)
        return 2
    code, lines = judge(report)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
