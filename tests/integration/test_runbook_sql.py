"""Every statement that a runbook tells to run is one that Postgres runs."""

import psycopg

from ops.rig.runbooks import runbooks


def test_statements_of_runbooks_run(owner: psycopg.Connection) -> None:
    """Postgres takes each of them, from a superuser."""
    statements = {each.path.stem: block for each in runbooks() for block in each.blocks("sql")}
    assert statements
    for statement in statements.values():
        owner.execute(statement.encode())
