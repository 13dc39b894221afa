"""A Valkey of the caller's own."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from ops.embedded import ports
from ops.embedded.valkey_server import ValkeyServer
from ops.rig.database import PASSWORD
from ops.rig.server_process import ServerProcess


@dataclasses.dataclass(frozen=True)
class RunningValkey:
    """A server with its real configuration."""

    url: str
    process: ServerProcess


@contextlib.contextmanager
def valkey(folder: Path, *options: str) -> Iterator[RunningValkey]:
    """Run an empty one, with these words on its command line, until the end of the block."""
    server = ValkeyServer(folder, ports.choose(["valkey"], {})["valkey"])
    server.prepare(PASSWORD)
    with ServerProcess(lambda: [*server.command(), *options], "Ready to accept connections").running() as process:
        yield RunningValkey(server.url(PASSWORD), process)
