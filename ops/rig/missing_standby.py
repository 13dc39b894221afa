"""A Postgres whose COMMITs wait for a standby that doesn't exist, and commits that are broken off in that wait."""

import contextlib
from collections.abc import Iterator

import psycopg

from ops.rig.eventually import eventually
from ops.rig.server_setting import server_setting

_CANCEL = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@contextlib.contextmanager
def standby_missing(admin: psycopg.Connection) -> Iterator[None]:
    """COMMITs of others wait until the end of the block; `admin` is a superuser in autocommit."""
    admin.execute("SET synchronous_commit = local")
    with server_setting(admin, "synchronous_standby_names", "nobody"):
        yield


def break_off_commit(admin: psycopg.Connection) -> None:
    """Cancel the wait of those who commit: their rows become visible, although no standby has them."""
    eventually(lambda: bool(admin.execute(_CANCEL).fetchall()), "somebody waits for the standby")
