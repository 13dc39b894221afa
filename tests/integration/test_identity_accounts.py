"""Register, log in and be known: a real identity process on a real Postgres."""

import time
import uuid
from typing import Any

import aiohttp
import jwt
import psycopg
import pytest

from contract.tokens import KeySet, SeedBox
from ops.rig.database import Database
from ops.rig.identity_process import PERSON, IdentityProcess, call, error_of
from ops.rig.people import SEED_KEY


async def test_registered_person_logs_in_and_is_known(
    shared_identity: IdentityProcess, client_token: str, shared_people: Database
) -> None:
    """Register, login and validate agree on who it is; anybody with the public keys can check the token."""
    async with aiohttp.ClientSession(shared_identity.url) as session:
        status, registered = await call(session, "/v1/auth/register", PERSON, client_token)
        assert status == 201
        credentials = {"username": " aDA", "password": PERSON["password"]}
        status, login = await call(session, "/v1/auth/login", credentials)
        assert (status, login["userId"], login["expires_in"]) == (200, registered["user_id"], 900)
        status, who = await call(session, "/v1/auth/validate", bearer=login["token"])
        assert (status, who["user_id"], who["username"]) == (200, registered["user_id"], "Ada")
        assert who["roles"] == ["viewer"]
        _, jwks = await call(session, "/.well-known/jwks.json")
    keys = KeySet()
    keys.replace(jwks)
    caller = keys.caller(login["token"])
    with psycopg.connect(shared_people.url()) as connection:
        row = connection.execute("SELECT user_id::text, voter_seed, password_hash FROM identity.users").fetchone()
    assert row is not None
    assert row[:2] == (caller.user_id, SeedBox({1: SEED_KEY}).open(caller))
    assert row[2].startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_same_registration_again_gets_the_same_answer(
    shared_identity: IdentityProcess, client_token: str
) -> None:
    """A retry after a lost answer is the same 201; whatever differs is taken, and which of it isn't told."""
    other_token = shared_identity.client_token()
    changes: list[dict[str, Any]] = [
        {"password": "another password"},
        {"username": "aDa"},
        {"email": "other@example.org"},
        {"date_of_birth": "1990-12-11"},
        {"username": "Grace", "email": "ADA@example.org"},
    ]
    async with aiohttp.ClientSession(shared_identity.url) as session:
        first = await call(session, "/v1/auth/register", PERSON, client_token)
        again = await call(session, "/v1/auth/register", PERSON, client_token)
        others = [await call(session, "/v1/auth/register", PERSON | change, client_token) for change in changes]
        others.append(await call(session, "/v1/auth/register", PERSON, other_token))
    assert first[0] == 201
    assert first == again
    assert {error_of(answer) for answer in others} == {(409, "taken", "")}
    assert len({answer[1]["error"]["message"] for answer in others}) == 1


@pytest.mark.parametrize(
    "email",
    [
        "ada@xn--bcher-kva.example",
        "ada@\uff42\u00fccher.example",
        "ADA@bu\u0308CHER.example",
        "\uff41da@b\u00fccher.example",
    ],
)
async def test_a_mailbox_is_one_account(shared_identity: IdentityProcess, client_token: str, email: str) -> None:
    """Punycode, full-width letters, case and decomposed accents don't make another mailbox."""
    async with aiohttp.ClientSession(shared_identity.url) as session:
        first = await call(session, "/v1/auth/register", PERSON | {"email": "ada@b\u00fccher.example"}, client_token)
        other = await call(session, "/v1/auth/register", PERSON | {"username": "Grace", "email": email}, client_token)
    assert first[0] == 201
    assert error_of(other) == (409, "taken", "")


@pytest.mark.parametrize(
    ("registered", "typed"),
    [
        ("\u039d\u03af\u03ba\u03bf\u03c2", "\u039d\u038a\u039a\u039f\u03a3"),  # a final sigma
        ("\u03bd\u03af\u03ba\u03bf\u03c2", "\u03bd\u03af\u03ba\u03bf\u03c3"),
        ("Stra\u00dfe", "STRASSE"),
        ("I\u015f\u0131k", "\u0131\u015fIK"),  # Turkish
        ("\u0130pek", "ipek"),
        ("ipek", "\u0130PEK"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u062e\u0648\u0627\u0647\u0645"),
        ("\u1fb3\u0301 Maia", "\u1fbc\u0301 MAIA"),
    ],
)
async def test_login_in_another_case(
    shared_identity: IdentityProcess, client_token: str, registered: str, typed: str
) -> None:
    """Another case, a joiner left out: the same person, whose name nobody else can take."""
    async with aiohttp.ClientSession(shared_identity.url) as session:
        assert (await call(session, "/v1/auth/register", PERSON | {"username": registered}, client_token))[0] == 201
        status, _ = await call(session, "/v1/auth/login", {"username": typed, "password": PERSON["password"]})
        again = await call(
            session, "/v1/auth/register", PERSON | {"username": typed, "email": "b@example.org"}, client_token
        )
    assert (status, error_of(again)) == (200, (409, "taken", ""))


async def test_only_applications_may_register(shared_identity: IdentityProcess, shared_people: Database) -> None:
    """No token, a person's token and a changed one are 401; an application that was deleted is 404."""
    token = shared_identity.client_token("gone")
    voter = shared_identity.operator("voters", "--count", "1").stdout.split('"token":"')[1].split('"')[0]
    async with aiohttp.ClientSession(shared_identity.url) as session:
        for bearer in ("", voter, token[:-8] + "AAAAAAAA", "x"):
            answer = await call(session, "/v1/auth/register", PERSON, bearer)
            assert error_of(answer) == (401, "unauthorized", "")
        assert error_of(await call(session, "/v1/auth/validate", bearer=token)) == (401, "unauthorized", "")
        with psycopg.connect(shared_people.url()) as connection:
            connection.execute("DELETE FROM identity.applications WHERE application = 'gone'")
        assert error_of(await call(session, "/v1/auth/register", PERSON, token)) == (404, "not_found", "")


async def test_a_bad_field_is_named(shared_identity: IdentityProcess, client_token: str) -> None:
    """Each field that can't be used is refused by its name, before anything is written."""
    changes: list[dict[str, Any]] = [
        {"username": "a"},
        {"username": "a\0b\0c"},
        {"username": "\u200d\u200c\u200d"},
        {"username": 7},
        {"email": "nobody"},
        {"date_of_birth": "10.12.1990"},
        {"date_of_birth": "2999-01-01"},
        {"password": "short"},
        {"password": None},
    ]
    async with aiohttp.ClientSession(shared_identity.url) as session:
        for change in changes:
            answer = await call(session, "/v1/auth/register", PERSON | change, client_token)
            assert error_of(answer) == (400, "invalid_field", next(iter(change)))
        assert (await call(session, "/v1/auth/register", PERSON, client_token))[0] == 201


async def test_nobody_registers_with_more_than_is_asked(
    shared_identity: IdentityProcess, client_token: str, shared_people: Database
) -> None:
    """Roles, ids, seeds and the like in the body are bound to nothing."""
    wished = {"roles": ["admin"], "role": "admin", "assurance": "attested", "user_id": str(uuid.UUID(int=7))}
    hidden = {
        "voter_seed": "00" * 32,
        "email_confirmed_at": "2020-01-01T00:00:00Z",
        "created_at": "2020-01-01",
        "kid": "x",
    }
    async with aiohttp.ClientSession(shared_identity.url) as session:
        status, made = await call(session, "/v1/auth/register", PERSON | wished | hidden, client_token)
        assert (status, made["user_id"] != wished["user_id"]) == (201, True)
        credentials = {"username": PERSON["username"], "password": PERSON["password"], **wished, **hidden}
        login = (await call(session, "/v1/auth/login", credentials))[1]
        assert (await call(session, "/v1/auth/validate", bearer=login["token"]))[1]["roles"] == ["viewer"]
        assert (await call(session, "/v1/me", bearer=login["token"]))[1]["email_confirmed_at"] is None
    claims = jwt.decode(login["token"], options={"verify_signature": False})
    assert (claims["roles"], claims["assurance"]) == (["viewer"], "password")
    with psycopg.connect(shared_people.url()) as connection:
        row = connection.execute("SELECT roles, voter_seed, created_at > now() - interval '1 hour' FROM identity.users")
        assert [(roles, seed != bytes(32), is_new) for roles, seed, is_new in row] == [(["viewer"], True, True)]


SQL_NAMES = ["' OR '1'='1", "Robert'); DROP TABLE identity.users;--", "%", "_da", "$$; SELECT 1; --", ":user_id", "{0}"]


async def test_sql_in_names_is_text(shared_identity: IdentityProcess, client_token: str) -> None:
    """Each is a name like others: it finds itself, and nobody else."""
    async with aiohttp.ClientSession(shared_identity.url) as session:
        await call(session, "/v1/auth/register", PERSON, client_token)
        for name in SQL_NAMES:
            as_wrong = {"username": name, "password": PERSON["password"]}
            assert error_of(await call(session, "/v1/auth/login", as_wrong))[:2] == (401, "bad_credentials")
        for number, name in enumerate(name for name in SQL_NAMES if len(name) > 1):
            person = PERSON | {"username": name, "email": f"p{number}@example.org"}
            status, made = await call(session, "/v1/auth/register", person, client_token)
            assert status == 201
            login = (await call(session, "/v1/auth/login", {"username": name, "password": PERSON["password"]}))[1]
            assert login["userId"] == made["user_id"]
            me = (await call(session, "/v1/me", bearer=login["token"]))[1]
            assert me["username"] == name


async def test_time_tells_of_no_name(shared_identity: IdentityProcess, client_token: str) -> None:
    """A name that is there and one that isn't, in turns: neither is quicker.

    By ranks, which no load moves: both kinds wait for the same machine. Without the hash of an unknown name its times
    would all be below all others.
    """
    taken: dict[str, list[float]] = {"Ada": [], "nobody": []}
    async with aiohttp.ClientSession(shared_identity.url) as session:
        await call(session, "/v1/auth/register", PERSON, client_token)
        for number in range(40):
            name = ("Ada", "nobody", "nobody", "Ada")[number % 4]
            start = time.perf_counter()
            answer = await call(session, "/v1/auth/login", {"username": name, "password": "wrong password"})
            taken[name].append(time.perf_counter() - start)
            assert error_of(answer) == (401, "bad_credentials", "")
    quicker = sum(one < other for one in taken["nobody"] for other in taken["Ada"]) / 400
    assert 0.02 < quicker < 0.98, taken


async def test_bodies_that_are_no_json_object(shared_identity: IdentityProcess) -> None:
    """A missing field, an array, broken JSON and another Content-Type have each their own answer."""
    json_type = {"Content-Type": "application/json; charset=utf-8"}
    expected = [
        (b'{"username": "ada"}', json_type, (400, "missing_field", "password")),
        (b"[]", json_type, (400, "invalid_body", "")),
        (b'{"username": ', json_type, (400, "invalid_body", "")),
        (b"username=ada", {"Content-Type": "application/x-www-form-urlencoded"}, (415, "not_json", "")),
        (b" " * 20_000, json_type, (413, "too_large", "")),
    ]
    async with aiohttp.ClientSession(shared_identity.url) as session:
        for data, headers, refusal in expected:
            async with session.post("/v1/auth/login", data=data, headers=headers) as response:
                assert error_of((response.status, await response.json())) == refusal


async def test_unknown_person_and_wrong_password_are_alike(shared_identity: IdentityProcess, client_token: str) -> None:
    """The same answer after the same work (one hash each), so that nobody learns which names exist."""
    shared_identity.operator("voters", "--count", "1", "--prefix", "no-password")
    async with aiohttp.ClientSession(shared_identity.url) as session:
        await call(session, "/v1/auth/register", PERSON, client_token)
        for username in ("Ada", "nobody", "no\0body", ""):
            before = await hashes_made(session)
            answer = await call(session, "/v1/auth/login", {"username": username, "password": "wrong password"})
            assert error_of(answer) == (401, "bad_credentials", "")
            assert await hashes_made(session) == before + 1


async def hashes_made(session: aiohttp.ClientSession) -> float:
    async with session.get("/metrics") as response:
        text = await response.text()
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith("vote_password_seconds_count"))


async def test_erased_person_is_not_valid(
    shared_identity: IdentityProcess, client_token: str, shared_people: Database
) -> None:
    """A token of somebody who is gone says nothing any more."""
    async with aiohttp.ClientSession(shared_identity.url) as session:
        await call(session, "/v1/auth/register", PERSON, client_token)
        _, login = await call(session, "/v1/auth/login", PERSON)
        with psycopg.connect(shared_people.url()) as connection:
            connection.execute("DELETE FROM identity.users")
        answer = await call(session, "/v1/auth/validate", bearer=login["token"])
    assert error_of(answer) == (401, "unauthorized", "")
