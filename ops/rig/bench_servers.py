"""The other servers of a bench: a Valkey, and the real edge."""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.embedded import ports, readiness
from ops.embedded.program_environment import EDGE_TUNING
from ops.embedded.readiness import wait_until
from ops.embedded.supervisor_config import EDGE_CONFIG
from ops.embedded.valkey_server import ValkeyServer
from ops.rig.bench_database import PASSWORD
from ops.rig.server_process import ServerProcess

READY_WITHIN_S = 30


@contextlib.contextmanager
def valkey(folder: Path) -> Iterator[str]:
    """Run an empty one until the end of the block; gives its URL."""
    server = ValkeyServer(folder / "valkey", ports.choose(["valkey"], {})["valkey"])
    server.prepare(PASSWORD)
    with ServerProcess(server.command, "Ready to accept connections").running():
        yield server.url(PASSWORD)


@contextlib.contextmanager
def edge(folder: Path, services: Mapping[str, int]) -> Iterator["RunningEdge"]:
    """Run the real edge before these services (name: port); the others are away."""
    numbers = ports.choose(["edge", "identity", "command", "query", "sse"], {}) | dict(services)
    variables = {f"{name.upper()}_PORT": str(number) for name, number in numbers.items()}
    environment = {
        **os.environ,
        **EDGE_TUNING,
        **variables,
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    caddy = str(Path(sys.executable).parent / "caddy")
    words = [caddy, "run", "--config", str(EDGE_CONFIG), "--adapter", "caddyfile"]
    with ServerProcess(lambda: words, "admin endpoint disabled", environment).running() as process:
        wait_until(lambda: readiness.edge(f"http://127.0.0.1:{numbers['edge']}/", "above"), READY_WITHIN_S)
        yield RunningEdge(numbers["edge"], process.pid)


@dataclass(frozen=True)
class RunningEdge:
    """A Caddy."""

    port: int
    pid: int
