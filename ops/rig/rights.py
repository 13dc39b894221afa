"""What roles may do in a database, and what is refused to them."""

from collections.abc import Iterable

import psycopg

from ops.embedded.program_environment import LOGIN_ROLES
from ops.rig.database import Database

_RIGHTS = """
    SELECT coalesce(grantee.rolname, 'PUBLIC') || ': ' || privilege || ' ' || what
    FROM (
        SELECT acl.grantee, acl.privilege_type AS privilege, c.oid::regclass::text AS what
        FROM pg_class c, aclexplode(c.relacl) acl
        WHERE c.relnamespace::regnamespace::text IN ('public', 'identity')
        UNION ALL
        SELECT acl.grantee, acl.privilege_type,
               c.oid::regclass || ' (' || string_agg(a.attname, ', ' ORDER BY a.attname) || ')'
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) acl
        WHERE c.relnamespace::regnamespace::text IN ('public', 'identity')
        GROUP BY acl.grantee, acl.privilege_type, c.oid
        UNION ALL
        SELECT acl.grantee, acl.privilege_type,
               replace(p.pronamespace::regnamespace || '.', 'public.', '') || p.proname || '/' || p.pronargs
        FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) acl
        WHERE p.pronamespace::regnamespace::text IN ('public', 'identity')
        UNION ALL
        SELECT acl.grantee, acl.privilege_type, 'on the database'
        FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) acl
        WHERE d.datname = current_database()
    ) AS granted
    LEFT JOIN pg_roles grantee ON grantee.oid = granted.grantee
    WHERE grantee.rolname IS NULL OR grantee.rolname IN (SELECT unnest(%s::text[]))
"""

# What may not even be seen is undefined.
_REFUSALS = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InvalidSchemaName,
)


def rights(database: Database) -> str:
    """All rights of the roles that can log in, and of everybody, a line each, sorted."""
    with psycopg.connect(database.url()) as connection:
        rows = connection.execute(_RIGHTS, [list(LOGIN_ROLES)]).fetchall()
    return "\n".join(sorted(row[0] for row in rows))


def allowed_of(url: str, forbidden: Iterable[str]) -> list[str]:
    """Those of these statements that are not refused for want of rights."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        return [statement for statement in forbidden if not _is_refused(connection, statement)]


def _is_refused(connection: psycopg.Connection, statement: str) -> bool:
    try:
        connection.execute(statement.encode())
    except _REFUSALS:
        return True
    return False
