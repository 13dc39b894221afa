"""The real edge, before services of the caller's choice."""

import contextlib
import dataclasses
import http.client
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ops.embedded import ports, readiness
from ops.embedded.program_environment import edge_tuning
from ops.embedded.readiness import wait_until
from ops.rig.eventually import PATIENCE_S
from ops.rig.server_process import ServerProcess

SERVICES = ("identity", "command", "query", "sse")


@dataclasses.dataclass(frozen=True)
class RunningEdge:
    """A Caddy."""

    port: int
    process: ServerProcess

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid


@contextlib.contextmanager
def edge(folder: Path, services: Mapping[str, int], **settings: str) -> Iterator[RunningEdge]:
    """Run it before these services (name: port) until the end of the block; the others are away."""
    numbers = ports.choose(["edge", *SERVICES], {}) | dict(services)
    variables = {f"{name.upper()}_PORT": str(number) for name, number in numbers.items()}
    folders = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    words = [sys.executable, "-m", "ops.edge"]
    environment = {**os.environ, **edge_tuning(), **variables, **folders, **settings}
    with ServerProcess(lambda: words, "admin endpoint disabled", environment).running() as process:
        wait_until(lambda: readiness.edge(f"http://127.0.0.1:{numbers['edge']}/", "above"), PATIENCE_S)
        yield RunningEdge(numbers["edge"], process)


def ask_edge(
    port: int,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: Any = None,
    host: str = "127.0.0.1",
) -> tuple[http.client.HTTPResponse, Any]:
    """One request, on a connection of its own: the answer, and its JSON."""
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_S)
    connection.request(method, path, body, headers or {}, encode_chunked=not isinstance(body, bytes | None))
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    return answer, content
