"""Ports of the inner servers: kept in DATA_DIR, so that a second start finds everything where it was.

They lie below the range from which the kernel takes ports of outgoing connections: in that range a client
that keeps trying to reach a dead server on this machine can take the server's own port, even connect to
itself, and the server can't come back.
"""

import json
import random
import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

LOWEST, HIGHEST = 15_000, 31_999


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    return _can_bind(socket.AF_INET, "127.0.0.1", port)


def loopbacks() -> list[str]:
    """The addresses that `localhost` may mean on this machine."""
    return ["127.0.0.1", *(["::1"] if _can_bind(socket.AF_INET6, "::1", 0) else [])]


def is_free_everywhere(port: int) -> bool:
    """Whether a server could listen on this port of all `loopbacks` now."""
    families = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}
    return all(_can_bind(families[address], address, port) for address in loopbacks())


def _can_bind(family: socket.AddressFamily, address: str, port: int) -> bool:
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError:
        return False
    return True


def choose(names: Iterable[str], kept: Mapping[str, int], is_free: Callable[[int], bool] = is_free) -> dict[str, int]:
    """A free port for each name, no two alike: the kept one where it is still free."""
    chosen = {name: kept[name] for name in names if name in kept and is_free(kept[name])}
    for name in names:
        while name not in chosen:
            port = random.randint(LOWEST, HIGHEST)  # noqa: S311 - it spreads stacks apart, it protects nothing
            if port not in chosen.values() and is_free(port):
                chosen[name] = port
    return chosen


def keep(path: Path, names: Iterable[str]) -> dict[str, int]:
    """The ports in the file at `path`, made or mended as needed, for exactly these names."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    ports = choose(list(names), kept)
    path.write_text(json.dumps(ports, indent=1))
    return ports
