"""Whoever draws requests from our document finds no answer that it doesn't declare; here few, and the same ones.

`./ops/conformance --examples 1000` draws a hundred thousand.
"""

import subprocess

from ops.rig.running_stack import PROJECT, RunningStack


def test_generated_requests_are_answered_as_documented(stack: RunningStack) -> None:
    """No 500, and statuses, media types, headers and bodies as declared, from every call."""
    words = [str(PROJECT / "ops" / "conformance"), "--examples", "1", "--seed", "1"]
    ran = subprocess.run(words, env=stack.environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-5000:]
