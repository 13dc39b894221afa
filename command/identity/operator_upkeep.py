"""What an operator looks after: the applications that may register people, and who is like whom."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import orjson
import psycopg
from psycopg.rows import dict_row

from command.identity.mailboxes import Mailboxes, load_mail_rules
from command.identity.operator_database import connect, statement
from command.likeness import skeleton_of
from contract.errors import NotFound

PEOPLE_PER_PAGE = 1000


def list_applications(_given: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Print a JSON line {application, created_at} for each application that may register people."""
    with connect(env) as connection:
        for application in connection.cursor(row_factory=dict_row).execute(statement("applications")):
            _print(application)


def remove_application(given: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Shut an application out, with all tokens that it has; `NotFound` when there is none of this name."""
    with connect(env) as connection:
        row = connection.execute(statement("remove_application"), {"application": given.name}).fetchone()
    if row is None:
        raise NotFound(f"no application is called {given.name}")
    _print({"removed": given.name})


def renew_likeness(_given: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Work out what names look like and which mailboxes addresses lead to, and print a JSON line for each person who
    is like somebody else in one of them: nothing of theirs is changed. In the end how many people were changed.
    """
    mailboxes, changed = Mailboxes(load_mail_rules()), 0
    with connect(env) as connection:
        for person in _people(connection):
            skeleton = skeleton_of(person["username"])
            mailbox = person["email"] and mailboxes.mailbox_of(person["email"])
            if (skeleton, mailbox) == (person["skeleton"], person["mailbox"]):
                continue
            new = {"user_id": person["user_id"], "skeleton": skeleton, "mailbox": mailbox}
            try:
                connection.execute(statement("set_likeness"), new)
            except psycopg.errors.UniqueViolation as error:
                _print({"user_id": person["user_id"], "like_another_in": error.diag.constraint_name})
            else:
                changed += 1
    _print({"changed": changed})


def _people(connection: psycopg.Connection) -> Iterator[dict[str, Any]]:
    """All people, a page at a time, so that none is held up for long."""
    cursor, user_id = connection.cursor(row_factory=dict_row), UUID(int=0)
    while page := cursor.execute(statement("people_after"), {"user_id": user_id, "page": PEOPLE_PER_PAGE}).fetchall():
        yield from page
        user_id = page[-1]["user_id"]


def _print(line: Mapping[str, Any]) -> None:
    sys.stdout.write(orjson.dumps(line).decode() + "\n")
