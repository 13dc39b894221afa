"""Every statement under sql/queries fits its schema, and the role that its file names may run it."""

import re
from importlib import resources

import psycopg
import pytest

from contract import queries
from ops.rig.database import Database

DIRECTORY = resources.files("sql").joinpath("queries")
FILES = sorted(file.name for file in DIRECTORY.iterdir())
UTILITY = re.compile(r"(--.*\n)*(COPY|LISTEN|SET|SAVEPOINT|ROLLBACK)\b")  # can't be explained


def test_the_role_of_a_file_may_run_it(
    database: Database, identity_database: Database, subtests: pytest.Subtests
) -> None:
    """Postgres plans each statement for that role: it finds every column and function, and lets the role use them."""
    for file_name in FILES:
        with subtests.test(file_name):
            explain_all(file_name, database, identity_database)


def explain_all(file_name: str, database: Database, identity_database: Database) -> None:
    head = DIRECTORY.joinpath(file_name).read_text(encoding="utf-8").partition("-- name:")[0]
    role = re.search(r"as role (vote_\w+)", head)
    assert role, "the head names no role"
    where = identity_database if "the identity database" in head else database
    explainable = [each.text for each in queries.load_positional(file_name).values() if not UTILITY.match(each.text)]
    with psycopg.connect(where.url(role[1]), autocommit=True) as connection:
        for text in explainable:
            connection.execute(f"EXPLAIN (GENERIC_PLAN) {text}".encode())
