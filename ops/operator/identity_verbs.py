"""Verbs about what identity serves: applications, signing keys, voters in bulk, and who is like whom."""

import argparse
import secrets
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from tqdm import tqdm

from command.identity.account_store import User
from command.identity.mailboxes import Mailboxes, load_mail_rules
from command.identity.signing_keys import delete_ended_keys, make_next_key
from command.likeness import skeleton_of
from contract.errors import NotFound
from contract.pseudonym import SEED_BYTES
from contract.settings import SettingError
from ops.operator.office import Office, statement
from ops.operator.verb import Row, Verb, Word

VOTERS_PER_COPY = 1000
PEOPLE_PER_PAGE = 1000
HOURS_MAX = 7 * 24  # so long the revocation of an erased person is kept
APPLICATION = Word("name", "the application's")
SQL = "identity.sql"


async def list_applications(office: Office, _given: argparse.Namespace) -> AsyncIterator[Row]:
    """The applications that may register people."""
    for each in await (await office.people()).all("applications", dict_row):
        yield each


async def add_application(office: Office, given: argparse.Namespace) -> AsyncIterator[Row]:
    """Enter the application, if it is new, and give a token for it."""
    mint, people = office.mint(), await office.people()
    await people.all("add_application", dict_row, application=given.name)
    yield {"application": given.name, "token": mint.client(given.name, office.signing().client_seconds)}


async def remove_application(office: Office, given: argparse.Namespace) -> AsyncIterator[Row]:
    """Shut an application out; `NotFound` when there is none of this name."""
    if await (await office.people()).one("remove_application", dict_row, application=given.name) is None:
        raise NotFound(f"no application is called {given.name}")
    yield {"removed": given.name}


async def rotate_key(office: Office, _given: argparse.Namespace) -> AsyncIterator[Row]:
    """Make the next key, which signs once everybody has it; delete those whose last token has ended."""
    signing = office.signing()
    made = make_next_key(signing.key_folder)
    ended = delete_ended_keys(signing.key_folder, max(signing.client_seconds, signing.key_overlap_seconds))
    yield {"made": str(made), "deleted": [str(path) for path in ended]}


async def make_voters(office: Office, given: argparse.Namespace) -> AsyncIterator[Row]:
    """Copy new people into the database; a row is given once its person is committed."""
    if given.hours > HOURS_MAX:
        raise SettingError(f"--hours is over {HOURS_MAX}, the life of a revocation")
    lifetime_s, mint = int(given.hours * 3600), office.mint()
    office.keys().check_lifetime(lifetime_s, "--hours")
    with office.bulk() as connection, tqdm(total=given.count, unit="voter", disable=None) as progress:
        for start in range(0, given.count, VOTERS_PER_COPY):
            names = [f"{given.prefix}-{secrets.token_hex(8)}" for _ in range(min(VOTERS_PER_COPY, given.count - start))]
            voters = copy_voters(connection, names)
            for voter in voters:
                token = mint.access(voter, uuid.uuid4(), lifetime_s, is_vouched=True)
                progress.update()
                yield {"user_id": voter.user_id, "token": token}


async def renew_likeness(office: Office, _given: argparse.Namespace) -> AsyncIterator[Row]:
    """Work out what names look like and which mailboxes addresses lead to; a row for each person who is like somebody
    else in one of them: nothing of theirs is changed. In the end how many people were changed.
    """
    mailboxes, changed, setting = Mailboxes(load_mail_rules()), 0, statement(SQL, "set_likeness")
    with office.bulk() as connection:
        for person in tqdm(_people(connection), unit="person", disable=None):
            skeleton = skeleton_of(person["username"])
            mailbox = person["email"] and mailboxes.mailbox_of(person["email"])
            if (skeleton, mailbox) == (person["skeleton"], person["mailbox"]):
                continue
            new = {"user_id": person["user_id"], "skeleton": skeleton, "mailbox": mailbox}
            try:
                connection.execute(setting, new)
            except psycopg.errors.UniqueViolation as error:
                yield {"user_id": person["user_id"], "like_another_in": error.diag.constraint_name}
            else:
                changed += 1
    yield {"changed": changed}


def copy_voters(connection: psycopg.Connection, names: Iterable[str]) -> list[User]:
    """Copy new people of these names, who have no password, into the database."""
    voters = [
        User(uuid.uuid4(), name, ["viewer"], secrets.token_bytes(SEED_BYTES), None, datetime.now(UTC)) for name in names
    ]
    with connection.cursor() as cursor, cursor.copy(statement(SQL, "copy_voters")) as copy:
        for voter in voters:
            skeleton = skeleton_of(voter.username)
            copy.write_row((voter.user_id, voter.username, skeleton, voter.voter_seed, voter.created_at))
    return voters


def _people(connection: psycopg.Connection) -> Iterator[dict[str, Any]]:
    """All people, a page at a time, so that none is held up for long."""
    cursor, user_id, page_of = connection.cursor(row_factory=dict_row), UUID(int=0), statement(SQL, "people_after")
    while page := cursor.execute(page_of, {"user_id": user_id, "page": PEOPLE_PER_PAGE}).fetchall():
        yield from page
        user_id = page[-1]["user_id"]


VERBS = (
    Verb("applications", "the applications that may register people", list_applications),
    Verb("add-application", "let an application register people; prints its token", add_application, (APPLICATION,)),
    Verb(
        "remove-application", "shut an application out, with all tokens that it has", remove_application, (APPLICATION,)
    ),
    Verb("rotate-key", "make the next signing key; prints its file, and those that ended", rotate_key),
    Verb(
        "voters",
        "make voters in bulk, with a token each",
        make_voters,
        (
            Word("--count", "how many", {"type": int, "required": True}),
            Word("--prefix", "what their usernames begin with", {"default": "demo"}),
            Word("--hours", "how long their tokens are valid", {"type": float, "default": 12.0}),
        ),
    ),
    Verb(
        "likeness", "after a change of mail_rules.toml or an update: who is like whom, worked out anew", renew_likeness
    ),
)
