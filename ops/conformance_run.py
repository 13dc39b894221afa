"""./ops/conformance [FILE …]: Schemathesis, with any OpenAPI file or our own /openapi.json, against the running stack.

    ./ops/up                                     in another terminal
    ./ops/conformance --examples 100             every call, stateful, as the demo's admin; exit code 1 on a finding

Checked: no 500, and every answer has a status, a media type, headers and a body that the document declares. What ends
the admin's own session or account, and streams, which don't end, are left to other tests.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ops import conformance_hooks
from ops.embedded.data_folder import DataFolder

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
_STREAMS = r"event/\{event_id\}/(stream|ws)|results/stream/\{electionId\}"
LEFT_OUT = rf"^(/api)?/v1/(auth/logout|auth/sessions/\{{session_id\}}|me|{_STREAMS})$"


def main(arguments: Sequence[str]) -> int:
    """Run it; Schemathesis' exit code, 2 when there is no stack."""
    parser = argparse.ArgumentParser(prog="./ops/conformance", description=__doc__)
    parser.add_argument("files", nargs="*", help="OpenAPI documents; without any the stack's own")
    parser.add_argument("--examples", type=int, default=20, help="cases of each call and phase, at most")
    parser.add_argument("--seed", type=int, help="draw the same cases again")
    given = parser.parse_args(arguments)
    written = DataFolder(Path(os.environ["DATA_DIR"])).demo
    if not written.exists():
        print(f"conformance: {written} is not there: start the stack with ./ops/up first", file=sys.stderr)
        return 2
    url = json.loads(written.read_text())["edge_url"]
    drawn = ["--max-examples", str(given.examples), *(["--seed", str(given.seed)] if given.seed is not None else [])]
    return max(run(document, url, drawn) for document in given.files or [f"{url}/openapi.json"])


def run(document: str, url: str, drawn: Sequence[str]) -> int:
    """Try one document against the stack at `url`, with these options of drawing; Schemathesis' exit code."""
    words = [
        "--url", url,
        "--checks", ",".join(CHECKS),
        "--exclude-path-regex", LEFT_OUT,
        *drawn,
        "--suppress-health-check", "all",
        "--request-timeout", "30",
        "--continue-on-failure",
    ]  # fmt: skip
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": conformance_hooks.__name__}
    program = str(Path(sys.executable).with_name("schemathesis"))
    return subprocess.run([program, "run", document, *words], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
