"""How long a connection to Postgres puts up with a host that says nothing: one that lost its power sends no farewell.

What we sent must be acknowledged, and while nothing is sent the host is asked after. Both are the kernels' business, so
a statement may take as long as it takes, and a COMMIT may wait for its standby. Without them a dead connection looks
alive for a quarter of an hour, and for ever while somebody waits for its answer. They outrank what a URL says of them.
"""

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

UNACKNOWLEDGED_MS = 10_000
IDLE_S = 5  # then probes
INTERVAL_S = 2
PROBES = 3

# libpq's words: for psycopg, and for Postgres' own programs.
LIBPQ: Mapping[str, Any] = {
    "tcp_user_timeout": UNACKNOWLEDGED_MS,
    "keepalives_idle": IDLE_S,
    "keepalives_interval": INTERVAL_S,
    "keepalives_count": PROBES,
}
_OPTIONS = {
    "TCP_USER_TIMEOUT": UNACKNOWLEDGED_MS,
    "TCP_KEEPIDLE": IDLE_S,
    "TCP_KEEPINTVL": INTERVAL_S,
    "TCP_KEEPCNT": PROBES,
}


def watch(transport: asyncio.BaseTransport) -> None:
    """The same for a driver that has no words for it: asyncpg. A Unix socket needs none."""
    path = transport.get_extra_info("socket")
    if path.family not in (socket.AF_INET, socket.AF_INET6):
        return
    path.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS.items():
        if hasattr(socket, name):  # not everywhere, as with libpq
            path.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
