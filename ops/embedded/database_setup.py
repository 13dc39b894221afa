"""What Postgres needs before the processes can use it, ours or the operator's: checks, both databases, the logins."""

from collections.abc import Mapping

import psycopg
from psycopg import sql

from ops.embedded.program_environment import IDENTITY_ROLES, LEDGER_ROLES
from ops.embedded.refusal import CannotStart
from ops.identity_move import MoveError
from ops.migrate import MigrationError, migrate_both

OLDEST_SERVER = 180_000  # the tests run on no older one; before it, SQL functions plan for any argument
LOCKS_MIN = 44_000  # see postgresql.conf
# Whoever loses count of its connections takes nobody else's: of the 87 that aren't reserved, command has the rest.
CONNECTIONS_MAX = {"vote_identity": 12, "vote_query": 24, "vote_monitor": 2}


def why_unfit(url: str) -> str:
    """Why this server can't carry the ledger, or ""; raises psycopg.OperationalError when it can't be reached."""
    with psycopg.connect(url) as connection:
        version = connection.info.server_version
        row = connection.execute(
            "SELECT current_setting('wal_level'), current_setting('max_locks_per_transaction')::int"
            " * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int)"
        ).fetchone()
    assert row
    return unfit(version, *row)


def unfit(version: int, wal_level: str, locks: int) -> str:
    """The same, from what the server says of itself; `locks` is how many its lock table has room for."""
    if complaint := too_old(version, "DATABASE_URL"):
        return complaint
    if wal_level != "logical":
        return f"DATABASE_URL has wal_level = {wal_level}; set wal_level = logical in its configuration and restart it"
    if locks < LOCKS_MIN:
        return (
            f"DATABASE_URL has room for {locks} locks, {LOCKS_MIN} are needed for a thousand events; "
            "raise max_locks_per_transaction (times max_connections) in its configuration and restart it"
        )
    return ""


def why_unfit_for_people(url: str) -> str:
    """Why this server can't carry the identity database, or ""; raises psycopg.OperationalError as above."""
    with psycopg.connect(url) as connection:
        return too_old(connection.info.server_version, "IDENTITY_DATABASE_URL")


def too_old(version: int, variable: str) -> str:
    """Why a server of this version is no good for either database, or ""."""
    if version >= OLDEST_SERVER:
        return ""
    return f"{variable} is Postgres {version // 10_000}.{version % 10_000}; 18 or newer is needed"


def make_database(server_url: str, name: str) -> None:
    """Make the database if there is none of that name; raises CannotStart."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone()
        try:
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg.Error as error:
            raise CannotStart(
                f"can't make the database {name}: {str(error).strip()}; for people and sessions you may make one "
                "yourself, also on another server, and set IDENTITY_DATABASE_URL to its superuser"
            ) from error


def bring_up_to_date(database_url: str, identity_url: str, passwords: Mapping[str, str]) -> None:
    """Migrate both databases, then give each role of a service its password there; raises CannotStart."""
    try:
        migrate_both(database_url, identity_url)
        for url, roles in ((database_url, LEDGER_ROLES), (identity_url, IDENTITY_ROLES)):
            with psycopg.connect(url, autocommit=True) as connection:
                for role in roles:
                    _let_in(connection, role, passwords[role])
    except (MigrationError, MoveError, psycopg.Error) as error:
        raise CannotStart(f"the databases can't be brought up to date: {str(error).strip()}") from error


def _let_in(connection: psycopg.Connection, role: str, password: str) -> None:
    # Hashed here, so that no log of the server ever shows it.
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}")
    connection.execute(statement.format(sql.Identifier(role), sql.Literal(verifier)))
    limited = connection.execute("SELECT FROM pg_roles WHERE rolname = %s AND rolconnlimit >= 0", [role]).fetchone()
    if role in CONNECTIONS_MAX and limited is None:
        limit = sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}")
        connection.execute(limit.format(sql.Identifier(role), sql.Literal(CONNECTIONS_MAX[role])))
