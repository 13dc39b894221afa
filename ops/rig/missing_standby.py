"""A Postgres whose COMMITs wait for a standby that doesn't exist, and commits that are broken off in that wait."""

import contextlib
from collections.abc import Iterator

import psycopg

from ops.rig.eventually import eventually
from ops.rig.server_setting import server_setting

_CANCEL = """
    SELECT backend_xid::text FROM pg_stat_activity
    WHERE wait_event = 'SyncRep' AND backend_xid IS NOT NULL AND pg_cancel_backend(pid)
"""
_UNDER_WAY = "SELECT FROM pg_stat_activity WHERE backend_xid::text = ANY(%s)"


@contextlib.contextmanager
def standby_missing(admin: psycopg.Connection) -> Iterator[None]:
    """COMMITs of others wait until the end of the block; `admin` is a superuser in autocommit."""
    admin.execute("SET synchronous_commit = local")
    with server_setting(admin, "synchronous_standby_names", "nobody"):
        yield


def break_off_commit(admin: psycopg.Connection) -> None:
    """Cancel the wait of those who commit: their rows become visible, although no standby has them."""
    broken_off: list[str] = []

    def cancel() -> bool:
        broken_off.extend(xid for (xid,) in admin.execute(_CANCEL).fetchall())
        return bool(broken_off)

    eventually(cancel, "somebody waits for the standby")
    eventually(lambda: not admin.execute(_UNDER_WAY, [broken_off]).fetchall(), "they wait no more")
