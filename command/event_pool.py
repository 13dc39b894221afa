"""The pool for all that isn't the voting path: commands of staff, the schedule, first looks at an event."""

from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

EventPool = AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]

CONNECTIONS_MAX = 4
WAITING_MAX = 50
WAIT_S = 3.0
RECONNECT_S = 1.0  # so long the pauses between attempts grow, then they start anew


def event_pool(database_url: str) -> EventPool:
    """The pool, not opened yet. Whoever can't have a connection in time gets psycopg.OperationalError."""
    options = "-c lock_timeout=10s -c plan_cache_mode=force_custom_plan"
    kwargs: dict[str, Any] = {"row_factory": dict_row, "application_name": "event_pool", "options": options}
    return AsyncConnectionPool(
        database_url,
        kwargs=kwargs,
        min_size=1,
        max_size=CONNECTIONS_MAX,
        max_waiting=WAITING_MAX,
        timeout=WAIT_S,
        reconnect_timeout=RECONNECT_S,
        check=AsyncConnectionPool.check_connection,
        open=False,
    )
