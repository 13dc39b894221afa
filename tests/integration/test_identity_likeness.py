"""Who is like whom, who may register, and what an operator looks after."""

import json
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import psycopg
import pytest

from command.identity.account_fields import folded
from ops.rig.database import Database
from ops.rig.identity_process import PERSON, IdentityProcess, call, error_of, identity_process


@pytest.fixture
def identity(tmp_path: Path, identity_database: Database) -> Iterator[IdentityProcess]:
    with identity_process(tmp_path, identity_database.url("vote_identity")) as process:
        yield process


def lines_of(identity: IdentityProcess, *words: str) -> list[dict[str, Any]]:
    done = identity.operator(*words)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_names_fold_alike_here_and_in_sql(people: psycopg.Connection) -> None:
    """Every character that has another case or form, or is hardly seen: limits count by it, Postgres finds by it."""
    known = [char for char in map(chr, range(1, 0x20000)) if unicodedata.category(char) not in ("Cn", "Cs", "Co")]
    changing = [char for char in known if len({char, char.upper(), char.lower(), folded(char)}) > 1]
    names = [f"I{char}x{char}" for char in changing]
    rows = people.execute("SELECT t, identity.folded(t) FROM unnest(%s::text[]) AS t", [names]).fetchall()
    assert [(name, said) for name, said in rows if folded(name) != said] == []


@pytest.mark.parametrize(
    "second",
    [
        {"username": "\u0410d\u0430", "email": "other@example.org"},  # Cyrillic letters
        {"username": "Grace", "email": "a.d.a+vote@googlemail.com"},
        {"username": "Grace", "email": "ADA@gmail.com"},
    ],
)
async def test_look_alikes_make_one_person(identity: IdentityProcess, second: dict[str, str]) -> None:
    """Letters of another script, dots, tags and a provider's other domain lead to a name or mailbox that is taken."""
    token = identity.client_token()
    async with aiohttp.ClientSession(identity.url) as session:
        first = await call(session, "/v1/auth/register", PERSON | {"email": "ada@gmail.com"}, token)
        assert first[0] == 201
        assert error_of(await call(session, "/v1/auth/register", PERSON | second, token)) == (409, "taken", "")


async def test_a_letter_goes_where_its_owner_said(identity: IdentityProcess, people: psycopg.Connection) -> None:
    """The address is kept as it was given; the mailbox is beside it."""
    async with aiohttp.ClientSession(identity.url) as session:
        await call(session, "/v1/auth/register", PERSON | {"email": "A.da+tv@Gmail.com"}, identity.client_token())
    stored = people.execute("SELECT email, mailbox FROM identity.users").fetchall()
    assert stored == [("A.da+tv@gmail.com", "Ada@gmail.com")]


async def test_erasure_knows_the_mailbox(identity: IdentityProcess) -> None:
    """Who was erased doesn't come back by another spelling of the same mailbox: it would be a second vote."""
    token, alias = identity.client_token(), {"username": "Grace", "email": "a.d.a@googlemail.com"}
    async with aiohttp.ClientSession(identity.url) as session:
        await call(session, "/v1/auth/register", PERSON | {"email": "ada+tv@gmail.com"}, token)
        _, login = await call(session, "/v1/auth/login", PERSON)
        async with session.delete("/v1/me", headers={"Authorization": f"Bearer {login['token']}"}) as response:
            assert response.status == 204
        assert error_of(await call(session, "/v1/auth/register", PERSON | alias, token)) == (409, "taken", "")


async def test_disposable_addresses_are_refused(identity: IdentityProcess) -> None:
    """By their field; the age of the list is a metric."""
    token = identity.client_token()
    async with aiohttp.ClientSession(identity.url) as session:
        refused = await call(session, "/v1/auth/register", PERSON | {"email": "ada@mailinator.com"}, token)
        assert error_of(refused) == (400, "invalid_field", "email")
        async with session.get("/metrics") as response:
            released = re.search(
                r"^vote_disposable_mail_domains_released_unix_seconds (\S+)", await response.text(), re.MULTILINE
            )
    assert released
    assert datetime(2026, 1, 1, tzinfo=UTC).timestamp() < float(released[1]) < datetime.now(UTC).timestamp()


async def test_minimum_age(tmp_path: Path, identity_database: Database) -> None:
    """Who is too young is told by the field."""
    url = identity_database.url("vote_identity")
    with identity_process(tmp_path, url, MIN_AGE_YEARS="16") as identity:
        token, young = identity.client_token(), f"{datetime.now(UTC).year - 14}-01-01"
        async with aiohttp.ClientSession(identity.url) as session:
            refused = await call(session, "/v1/auth/register", PERSON | {"date_of_birth": young}, token)
            assert error_of(refused) == (400, "invalid_field", "date_of_birth")
            assert (await call(session, "/v1/auth/register", PERSON, token))[0] == 201


async def test_applications_are_listed_and_shut_out(identity: IdentityProcess, people: psycopg.Connection) -> None:
    """A removed application's tokens are 404, also when one of its name is entered anew; others go on."""
    token, other = identity.client_token("app"), identity.client_token("other")
    people.execute("UPDATE identity.applications SET created_at = created_at - interval '1 day'")
    assert [line["application"] for line in lines_of(identity, "applications")] == ["app", "other"]
    assert lines_of(identity, "remove-application", "app") == [{"removed": "app"}]
    assert [line["application"] for line in lines_of(identity, "applications")] == ["other"]
    unknown = identity.operator("remove-application", "app")
    assert (unknown.returncode, len(unknown.stderr.splitlines())) == (1, 1)
    async with aiohttp.ClientSession(identity.url) as session:
        assert error_of(await call(session, "/v1/auth/register", PERSON, token)) == (404, "not_found", "")
        anew = identity.client_token("app")
        # As it is when the token that leaked is older than a minute.
        people.execute("UPDATE identity.applications SET created_at = created_at + interval '2 minutes'")
        assert error_of(await call(session, "/v1/auth/register", PERSON, token)) == (404, "not_found", "")
        people.execute("UPDATE identity.applications SET created_at = created_at - interval '2 minutes'")
        assert (await call(session, "/v1/auth/register", PERSON, anew))[0] == 201
        grace = PERSON | {"username": "Grace", "email": "grace@example.org"}
        assert (await call(session, "/v1/auth/register", grace, other))[0] == 201


def test_likeness_of_people_who_are_there(identity: IdentityProcess, people: psycopg.Connection) -> None:
    """People of before the rules get theirs; who is like somebody else is told, and stays who they are."""
    given = [("Ada", "ada@gmail.com"), ("Grace", "a.d.a@gmail.com"), ("\u0410da", None), ("Joan", None)]
    for number, (username, email) in enumerate(given):
        people.execute(
            "INSERT INTO identity.users (user_id, username, email, voter_seed) VALUES (%s, %s, %s, %s)",
            [UUID(int=number + 1), username, email, b"s" * 32],
        )
    alike = [
        {"user_id": str(UUID(int=2)), "like_another_in": "users_mailbox"},
        {"user_id": str(UUID(int=3)), "like_another_in": "users_skeleton"},
    ]
    assert lines_of(identity, "likeness") == [*alike, {"changed": 2}]
    assert lines_of(identity, "likeness") == [*alike, {"changed": 0}]
    assert people.execute("SELECT username, email FROM identity.users ORDER BY user_id").fetchall() == given
