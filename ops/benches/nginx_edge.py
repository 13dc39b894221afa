"""nginx in the edge's place, before command alone: Debian's package, if it is installed."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from ops.edge.settings import FOLDER
from ops.embedded import ports, readiness
from ops.embedded.readiness import wait_until
from ops.rig.edge import RunningEdge
from ops.rig.eventually import PATIENCE_S
from ops.rig.server_process import ServerProcess

TEMPLATE = FOLDER / "nginx.conf"


def nginx_program() -> str | None:
    """Its path, or None where it isn't installed."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextlib.contextmanager
def nginx_edge(program: str, folder: Path, command_port: int) -> Iterator[RunningEdge]:
    """Run it until the end of the block."""
    folder.mkdir()
    port = ports.choose(["nginx"], {})["nginx"]
    values = {"FOLDER": str(folder), "EDGE_PORT": str(port), "COMMAND_PORT": str(command_port)}
    configuration = folder / "nginx.conf"
    configuration.write_text(re.sub(r"\{\$([A-Z_]+)\}", lambda found: values[found[1]], TEMPLATE.read_text()))
    words = [program, "-p", str(folder), "-c", str(configuration)]
    with ServerProcess(lambda: words, "start worker process").running() as process:
        wait_until(lambda: readiness.edge(f"http://127.0.0.1:{port}/", "above"), PATIENCE_S)
        yield RunningEdge(port, process)
