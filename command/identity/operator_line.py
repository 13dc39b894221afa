"""What an operator may do beside the database, so that registration over HTTP stays strict for everybody else."""

import argparse
import getpass
import secrets
import sys
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import orjson
import psycopg
from psycopg.rows import class_row, scalar_row

from command.identity import account_fields
from command.identity.account_store import User
from command.identity.operator_database import connect, statement
from command.identity.operator_upkeep import list_applications, remove_application, renew_likeness
from command.identity.password_hasher import argon2id, verifies
from command.identity.settings import Signing
from command.identity.signing_keys import (
    NextKeyWaitsError,
    SigningKeys,
    delete_ended_keys,
    load_signing_keys,
    make_next_key,
)
from command.identity.token_mint import TokenMint
from command.likeness import skeleton_of
from contract import settings
from contract.errors import ContractError
from contract.pseudonym import SEED_BYTES
from contract.tokens import SeedBox

VOTERS_PER_COPY = 1000
ROLES = ("viewer", "host", "admin", "auditor")


def parser() -> argparse.ArgumentParser:
    """The command line; without a sub-command the process serves."""
    line = argparse.ArgumentParser(prog="python -m command.identity", description=__doc__)
    tasks = line.add_subparsers(title="instead of serving")
    task = tasks.add_parser("voters", help="make voters in bulk; prints a JSON line {user_id, token} for each")
    task.add_argument("--count", type=int, required=True)
    task.add_argument("--prefix", default="demo", help="what their usernames begin with")
    task.add_argument("--hours", type=float, default=12.0, help="how long their tokens are valid")
    task.set_defaults(task=make_voters)
    task = tasks.add_parser("client-token", help="let an application register people; prints its token")
    task.add_argument("--name", required=True)
    task.set_defaults(task=make_client_token)
    task = tasks.add_parser("applications", help="print a JSON line {application, created_at} for each of them")
    task.set_defaults(task=list_applications)
    task = tasks.add_parser("remove-application", help="shut an application out, with all tokens that it has")
    task.add_argument("--name", required=True)
    task.set_defaults(task=remove_application)
    task = tasks.add_parser(
        "likeness", help="after a change of mail_rules.toml or an update: work out anew who is like whom; prints whom"
    )
    task.set_defaults(task=renew_likeness)
    task = tasks.add_parser("staff", help="make a person with roles, or change one; the password comes from stdin")
    task.add_argument("--username", required=True)
    task.add_argument("--role", choices=ROLES, action="append", required=True, help="may be given several times")
    task.set_defaults(task=put_staff)
    task = tasks.add_parser("rotate-key", help="make the next signing key; prints its file, and those that ended")
    task.set_defaults(task=rotate_key)
    return line


def run(given: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Do the task; exit code 1 with one line when it can't be done, 2 when it or a setting is wrong."""
    try:
        given.task(given, env)
    except settings.SettingError as error:
        sys.stderr.write(f"identity: {error}\n")
        return 2
    except (ContractError, NextKeyWaitsError, psycopg.Error, OSError) as error:
        sys.stderr.write(f"identity: {error}\n")
        return 1
    return 0


def make_voters(given: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Copy new people into the database; a line is printed once its person is committed."""
    signing, lifetime_s = settings.read(Signing, env), int(given.hours * 3600)
    keys = _keys(signing)
    keys.check_lifetime(lifetime_s, "--hours")
    mint = TokenMint(keys, SeedBox(signing.seed_keys), signing.cohort_key)
    with connect(env) as connection:
        for start in range(0, given.count, VOTERS_PER_COPY):
            voters = [_new_voter(given.prefix) for _ in range(min(VOTERS_PER_COPY, given.count - start))]
            with connection.cursor() as cursor, cursor.copy(statement("copy_voters")) as copy:
                for voter in voters:
                    skeleton = skeleton_of(voter.username)
                    copy.write_row((voter.user_id, voter.username, skeleton, voter.voter_seed, voter.created_at))
            for voter in voters:
                token = mint.access(voter, uuid.uuid4(), lifetime_s, is_vouched=True)
                sys.stdout.write(orjson.dumps({"user_id": voter.user_id, "token": token}).decode() + "\n")


def _new_voter(prefix: str) -> User:
    username = f"{prefix}-{secrets.token_hex(8)}"
    return User(uuid.uuid4(), username, ["viewer"], secrets.token_bytes(SEED_BYTES), None, datetime.now(UTC))


def make_client_token(given: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Enter the application, if it is new, and print a token for it."""
    signing = settings.read(Signing, env)
    mint = TokenMint(_keys(signing), SeedBox(signing.seed_keys), signing.cohort_key)
    with connect(env) as connection:
        connection.execute(statement("add_application"), {"application": given.name})
    sys.stdout.write(mint.client(given.name, signing.client_seconds) + "\n")


def put_staff(given: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Make or change a person and print the user_id; with the same password and roles again nothing is touched."""
    username = account_fields.check_username(given.username)
    password = account_fields.check_password(_read_password())
    roles = list(dict.fromkeys(given.role))
    with connect(env) as connection:
        user_id = _unchanged(connection, username, password, roles) or _put(connection, username, password, roles)
    sys.stdout.write(orjson.dumps({"user_id": user_id, "username": username}).decode() + "\n")


def _unchanged(connection: psycopg.Connection, username: str, password: str, roles: list[str]) -> UUID | None:
    """Who has this name, if password and roles are right already."""
    find = connection.cursor(row_factory=class_row(User))
    user = find.execute(statement("find_by_username"), {"username": username}).fetchone()
    if user is None or user.roles != roles or not verifies(argon2id(), user.password_hash or "", password):
        return None
    return user.user_id


def _put(connection: psycopg.Connection, username: str, password: str, roles: list[str]) -> UUID:
    arguments = {
        "username": username,
        "skeleton": skeleton_of(username),
        "password_hash": argon2id().hash(password),
        "roles": roles,
        "voter_seed": secrets.token_bytes(SEED_BYTES),
    }
    with connection.transaction():
        cursor = connection.cursor(row_factory=scalar_row)
        user_id = cast("UUID", cursor.execute(statement("put_staff"), arguments).fetchone())
        connection.execute(statement("end_sessions"), {"user_id": user_id})
    return user_id


def rotate_key(_given: argparse.Namespace, env: Mapping[str, str]) -> None:
    """Make the next key, which signs once everybody has it; delete those whose last token has ended."""
    signing = settings.read(Signing, env)
    made = make_next_key(signing.key_folder)
    ended = delete_ended_keys(signing.key_folder, max(signing.client_seconds, signing.key_overlap_seconds))
    sys.stdout.write(orjson.dumps({"made": str(made), "deleted": [str(path) for path in ended]}).decode() + "\n")


def _keys(signing: Signing) -> SigningKeys:
    return SigningKeys(load_signing_keys(signing.key_folder), signing.key_overlap_seconds)


def _read_password() -> str:
    """A line of stdin; asked for without echo when a person sits there."""
    return getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
