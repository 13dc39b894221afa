"""What an operator does to a running Postgres: a setting of the whole server, for as long as a block."""

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg import sql

from ops.rig.eventually import eventually


@contextlib.contextmanager
def server_setting(admin: psycopg.Connection, name: str, value: str) -> Iterator[None]:
    """Set it, and return once new statements of `admin` (a superuser in autocommit) see it; reset it at the end."""
    before = _now(admin, name)
    _alter(admin, sql.SQL("SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
    _wait_for(admin, name, value)
    try:
        yield
    finally:
        _alter(admin, sql.SQL("RESET {}").format(sql.Identifier(name)))
        _wait_for(admin, name, before)


def _alter(admin: psycopg.Connection, change: sql.Composed) -> None:
    admin.execute(sql.SQL("ALTER SYSTEM {}").format(change))
    admin.execute("SELECT pg_reload_conf()")


def _now(admin: psycopg.Connection, name: str) -> str:
    row = admin.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row
    return str(row[0])


def _wait_for(admin: psycopg.Connection, name: str, value: str) -> None:
    eventually(lambda: _now(admin, name) == value, f"{name} is {value!r}")
