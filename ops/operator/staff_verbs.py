"""Verbs about people: roles, passwords, sessions, second factors, and the log of it all."""

import argparse
import getpass
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict

from command.identity import account_fields
from command.identity.account_store import User
from command.identity.factor_policy import ROLES_OF_STAFF
from command.identity.password_hasher import argon2id, verifies
from command.identity.staff import Staff
from contract.errors import NotFound
from ops.operator.office import Office
from ops.operator.verb import Row, Verb, Word

NEWEST = (1 << 63) - 1
USERNAME = Word("username", "how the person logs in")
ROLE = Word("role", "host, admin or auditor", {"choices": ROLES_OF_STAFF})


async def list_staff(office: Office, _given: argparse.Namespace) -> AsyncIterator[Row]:
    """Everybody with a role."""
    for each in await (await office.staff()).all():
        yield asdict(each)


async def make_staff(office: Office, given: argparse.Namespace) -> AsyncIterator[Row]:
    """Make a person with roles, or change one; with the same password and roles again nothing is touched."""
    username = account_fields.check_username(given.username)
    password = account_fields.check_password(_read_password())
    staff, roles = await office.staff(), set(given.role)
    user = await _find(staff, username)
    if user and set(user.roles) == (roles or {"viewer"}) and verifies(argon2id(), user.password_hash or "", password):
        yield {"user_id": user.user_id, "username": username, "code": None}
        return
    user_id, code = await staff.put(office.actor, username, argon2id().hash(password), roles)
    yield {"user_id": user_id, "username": username, "code": code}


async def give_role(office: Office, given: argparse.Namespace) -> AsyncIterator[Row]:
    """Give a role; where a second factor is required, who has none gets a code to log in with."""
    yield await _change_role(office, given, has=True)


async def take_role(office: Office, given: argparse.Namespace) -> AsyncIterator[Row]:
    """Take a role away, with the sessions."""
    yield await _change_role(office, given, has=False)


async def end_sessions(office: Office, given: argparse.Namespace) -> AsyncIterator[Row]:
    """End all sessions of a person."""
    staff = await office.staff()
    user = await staff.find(given.username)
    yield {"user_id": user.user_id, "ended": await staff.end_sessions(office.actor, user.user_id)}


async def reset_factors(office: Office, given: argparse.Namespace) -> AsyncIterator[Row]:
    """Remove the second factors of who has lost them."""
    staff = await office.staff()
    user = await staff.find(given.username)
    yield {"user_id": user.user_id, "code": await staff.reset_factors(office.actor, user.user_id)}


async def read_log(office: Office, given: argparse.Namespace) -> AsyncIterator[Row]:
    """What was done to staff, newest first."""
    for line in await (await office.staff()).log(NEWEST, given.lines):
        yield asdict(line)


async def _change_role(office: Office, given: argparse.Namespace, *, has: bool) -> Row:
    staff = await office.staff()
    user = await staff.find(given.username)
    change = await staff.change_role(office.actor, user.user_id, given.role, has=has)
    return {"user_id": user.user_id, "roles": change.roles, "code": change.code}


async def _find(staff: Staff, username: str) -> User | None:
    try:
        return await staff.find(username)
    except NotFound:
        return None


def _read_password() -> str:
    """A line of stdin; asked for without echo when a person sits there."""
    return getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


VERBS = (
    Verb("staff", "everybody with a role", list_staff),
    Verb(
        "make-staff",
        "make a person with these roles, or give them and a new password to one; the password comes from stdin",
        make_staff,
        (
            USERNAME,
            Word(
                "--role", "may be given several times", {"choices": ROLES_OF_STAFF, "action": "append", "default": []}
            ),
        ),
    ),
    Verb("give-role", "give a person a role", give_role, (USERNAME, ROLE)),
    Verb("take-role", "take a role away, with the person's sessions", take_role, (USERNAME, ROLE)),
    Verb("end-sessions", "end all sessions of a person", end_sessions, (USERNAME,)),
    Verb("reset-factors", "remove lost second factors; prints a code for one login", reset_factors, (USERNAME,)),
    Verb("log", "what was done to staff", read_log, (Word("--lines", "how many", {"type": int, "default": 50}),)),
)
