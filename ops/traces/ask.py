"""Prints one vote's journey, or the list of those that are kept, of the stack that `./ops/up --observe` runs.

python -m ops.traces.ask [TRACE_ID]      the trace id, as X-Trace-Id says it, or a whole traceparent
"""

import argparse
import json
import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

from ops.embedded.data_folder import DataFolder
from ops.embedded.readiness import DIRECTLY

ANSWER_S_MAX = 10


class CannotAskError(Exception):
    """The message is the whole line."""


def trace_id(text: str) -> str:
    """The trace id in a text; ArgumentTypeError."""
    found = re.search(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", text.lower())
    if found is None:
        raise argparse.ArgumentTypeError("a trace id has 32 hexadecimal digits")
    return found[0]


def ask(folder: DataFolder, path: str) -> str:
    """What the receiver of this stack answers in text; raises CannotAskError."""
    port = (json.loads(folder.ports.read_text()) if folder.ports.exists() else {}).get("traces")
    if port is None:
        raise CannotAskError(f"no traces are kept in {folder.root}: start the stack with ./ops/up --observe first")
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Accept": "text/plain"})
    try:
        with DIRECTLY.open(request, timeout=ANSWER_S_MAX) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        raise CannotAskError(error.read().decode().strip()) from error
    except OSError as error:
        raise CannotAskError(f"the receiver of traces doesn't answer ({error}): is the stack running?") from error


def main() -> int:
    """The command line; exit code 1 with one line when there is nothing to print."""
    line = argparse.ArgumentParser(prog="./ops/trace", description=__doc__.splitlines()[0])
    line.add_argument("trace_id", nargs="?", type=trace_id, help="X-Trace-Id of an answer, or a traceparent")
    line.add_argument("--data-dir", type=Path, default=Path(os.environ["DATA_DIR"]), help="the stack's DATA_DIR")
    given = line.parse_args()
    try:
        print(ask(DataFolder(given.data_dir.absolute()), f"/trace/{given.trace_id}" if given.trace_id else "/"), end="")
    except CannotAskError as reason:
        print(f"trace: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
