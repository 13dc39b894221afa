"""People, applications and sessions on their way out of the ledger's database, within the migration that drops them.

    lock ─► copy ─► compare all of it ─► COMMIT in the identity database ─► empty the old tables ─► drop, COMMIT

Interrupted anywhere, it is done again: nothing is emptied before it is durable in the other database, and what is
there already is compared and not copied anew.
"""

import hashlib

import psycopg
from psycopg import sql

# Column by column, so that the same bytes come out of both; in the order in which the tables refer to each other.
TABLES = {
    "applications": ("application", "created_at"),
    "users": ("user_id", "created_at", "date_of_birth", "username", "email", "password_hash", "roles", "voter_seed",
              "registered_with"),
    "sessions": ("session_id", "user_id", "started_at", "rotated_at", "expires_at", "revoked_at", "current_hash",
                 "earlier_rotations"),
}  # fmt: skip
_LOCK = "LOCK TABLE identity.applications, identity.users, identity.sessions IN ACCESS EXCLUSIVE MODE"


class MoveError(Exception):
    """What the identity database has is not what came out of the ledger's; nothing was dropped."""


def move_people(ledger: psycopg.Connection, identity_url: str) -> None:
    """Move them within `ledger`'s transaction; raises `MoveError`, psycopg.Error.

    A ledger without people, as a new one is, needs no identity database.
    """
    ledger.execute(_LOCK)
    if not any(_count(ledger, table) for table in TABLES):
        return
    with psycopg.connect(identity_url, options="-c synchronous_commit=on") as identity:
        identity.execute(_LOCK)
        for table in TABLES:
            if not _count(identity, table):
                _copy(ledger, identity, table)
            _compare(ledger, identity, table)
    ledger.execute("TRUNCATE identity.applications, identity.users, identity.sessions")


def _copy(ledger: psycopg.Connection, identity: psycopg.Connection, table: str) -> None:
    into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier("identity", table), _columns(table))
    with ledger.cursor().copy(_all_of(table)) as source, identity.cursor().copy(into) as target:
        for block in source:
            target.write(block)


def _compare(ledger: psycopg.Connection, identity: psycopg.Connection, table: str) -> None:
    ours, theirs = _count(ledger, table), _count(identity, table)
    if ours != theirs or _digest(ledger, table) != _digest(identity, table):
        raise MoveError(
            f"identity.{table} has {ours} rows beside the ledger and {theirs} in the identity database, which must be "
            "empty or have the same ones; nothing was dropped"
        )


def _count(connection: psycopg.Connection, table: str) -> int:
    statement = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("identity", table))
    [(rows,)] = connection.execute(statement).fetchall()
    return int(rows)


def _digest(connection: psycopg.Connection, table: str) -> bytes:
    digest = hashlib.sha256()
    with connection.cursor().copy(_all_of(table)) as copy:
        for block in copy:
            digest.update(block)
    return digest.digest()


def _all_of(table: str) -> sql.Composed:
    """All rows in the order of their keys, in a form that no setting of a session changes."""
    statement = sql.SQL("COPY (SELECT {} FROM {} ORDER BY 1) TO STDOUT (FORMAT binary)")
    return statement.format(_columns(table), sql.Identifier("identity", table))


def _columns(table: str) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, TABLES[table]))
