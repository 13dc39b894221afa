"""People leave the ledger's database, where they were until migration 0012, and notice nothing of it."""

import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import aiohttp
import psycopg
import pytest

from command.identity.password_hasher import argon2id
from command.identity.refresh_token import new_family
from contract.tokens import KeySet, SeedBox
from ops import migrate
from ops.embedded.program_environment import on_database
from ops.identity_move import MoveError, move_people
from ops.rig.database import Database
from ops.rig.identity_process import call, identity_process
from ops.rig.old_ledger import old_ledger
from ops.rig.people import SEED_KEY

USER_ID, SEED, PASSWORD = str(uuid.uuid4()), bytes(range(32)), "correct horse"
FAMILY = new_family()


@pytest.fixture
def yesterday(database: Database) -> Iterator[Database]:
    """A ledger as migration 0012 left it, with an application, a person and a session."""
    with old_ledger(database, migrate.IDENTITY_LEAVES) as made:
        with psycopg.connect(made.url()) as connection:
            connection.execute("INSERT INTO identity.applications (application) VALUES ('app')")
            connection.execute(
                "INSERT INTO identity.users (user_id, username, password_hash, roles, voter_seed)"
                " VALUES (%s, 'ada', %s, '{viewer,host}', %s)",
                [USER_ID, argon2id().hash(PASSWORD), SEED],
            )
            connection.execute(
                "INSERT INTO identity.sessions (session_id, user_id, expires_at, current_hash, previous_hash,"
                " earlier_rotations) VALUES (%s, %s, now() + interval '1 day', %s, %s, ARRAY[now()])",
                [FAMILY.session_id, USER_ID, FAMILY.hash, bytes(32)],
            )
        yield made


def people_in(database: Database) -> list[tuple[object, ...]]:
    with psycopg.connect(database.url()) as connection:
        return connection.execute("SELECT user_id::text, voter_seed FROM identity.users").fetchall()


def bring_up_to_date(yesterday: Database, identity_database: Database) -> None:
    migrate.migrate_both(yesterday.url(), identity_database.url())


async def test_a_person_of_yesterday_goes_on(yesterday: Database, identity_database: Database, tmp_path: Path) -> None:
    """After the move the person logs in, and the session goes on, with the same user_id and seed."""
    bring_up_to_date(yesterday, identity_database)
    assert people_in(identity_database) == [(USER_ID, SEED)]
    with psycopg.connect(yesterday.url()) as ledger:
        assert ledger.execute("SELECT to_regnamespace('identity')").fetchone() == (None,)
    with identity_process(tmp_path, identity_database.url("vote_identity")) as identity:
        async with aiohttp.ClientSession(identity.url) as session:
            login = await call(session, "/v1/auth/login", {"username": "Ada", "password": PASSWORD})
            refresh = await call(session, "/v1/auth/refresh", {"refresh_token": FAMILY.text()})
            keys = KeySet()
            keys.replace((await call(session, "/.well-known/jwks.json"))[1])
    for status, content in (login, refresh):
        caller = keys.caller(content["token"])
        assert (status, caller.user_id, SeedBox({1: SEED_KEY}).open(caller)) == (200, USER_ID, SEED)


def test_an_interrupted_move_is_done_again(yesterday: Database, identity_database: Database) -> None:
    """When all was copied and nothing dropped, the second run compares, and then drops."""
    migrate.migrate(identity_database.url(), migrate.IDENTITY)
    with psycopg.connect(yesterday.url()) as ledger:
        move_people(ledger, identity_database.url())
        ledger.rollback()
    assert people_in(yesterday) == people_in(identity_database) == [(USER_ID, SEED)]
    bring_up_to_date(yesterday, identity_database)
    assert people_in(identity_database) == [(USER_ID, SEED)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE identity.users SET voter_seed = sha256('')",
        "UPDATE identity.sessions SET revoked_at = now()",
        "INSERT INTO identity.applications (application) VALUES ('other')",
        "INSERT INTO identity.users (username, voter_seed) VALUES ('bob', sha256('b'))",
    ],
)
def test_what_differs_is_not_dropped(yesterday: Database, identity_database: Database, change: str) -> None:
    """One row more, or one field that is another in the copy: the move is refused and the old rows stay."""
    with psycopg.connect(yesterday.url()) as ledger:
        move_people(ledger, identity_database.url())
        ledger.rollback()
    with psycopg.connect(identity_database.url()) as identity:
        identity.execute(change.encode())
    with pytest.raises(MoveError, match="nothing was dropped"):
        bring_up_to_date(yesterday, identity_database)
    assert people_in(yesterday) == [(USER_ID, SEED)]


def test_the_drop_alone_is_refused(yesterday: Database) -> None:
    """A DBA who runs the migration by hand and has moved nothing loses nothing."""
    with pytest.raises(psycopg.errors.RaiseException, match="still in the schema identity of old"):
        migrate.migrate(yesterday.url(), migrate.LEDGER)
    assert people_in(yesterday) == [(USER_ID, SEED)]


def test_an_identity_database_that_is_away_stops_the_move(yesterday: Database) -> None:
    """It can't be asked whether it has the people: nothing is dropped."""
    away = partial(move_people, identity_url=on_database(yesterday.url(), "nowhere"))
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        migrate.migrate(yesterday.url(), migrate.LEDGER, {migrate.IDENTITY_LEAVES: away})
    assert people_in(yesterday) == [(USER_ID, SEED)]
