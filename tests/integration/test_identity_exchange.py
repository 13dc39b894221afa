"""People of outside issuers: let in once a token, as whom the issuer says, and as nothing more."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import psycopg
import pytest

from contract.assurance import Assurance
from contract.tokens import Caller, KeySet
from ops.embedded import ports
from ops.rig.database import Database
from ops.rig.eventually import eventually
from ops.rig.identity_process import IdentityProcess, call, error_of, identity_process
from ops.rig.oidc_issuer import (
    CLIENT_ID,
    NONCE,
    OidcIssuer,
    hashed,
    listed,
    oidc_issuer,
)
from ops.rig.server_process import ServerProcess

REFUSED = (401, "unauthorized", "")


@pytest.fixture
def issuer() -> Iterator[OidcIssuer]:
    with oidc_issuer() as running:
        yield running


def settings(folder: Path, *issuers: str) -> dict[str, str]:
    (folder / "issuers.toml").write_text("\n".join(issuers))
    return {"OIDC_ISSUERS_FILE": str(folder / "issuers.toml")}


@pytest.fixture
def identity(tmp_path: Path, identity_database: Database, issuer: OidcIssuer) -> Iterator[IdentityProcess]:
    with identity_process(
        tmp_path, identity_database.url("vote_identity"), **settings(tmp_path, issuer.settings())
    ) as process:
        yield process


@pytest.fixture
async def session(identity: IdentityProcess) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(identity.url) as client:
        yield client


async def exchange(session: aiohttp.ClientSession, token: str, nonce: str | None = NONCE) -> tuple[int, dict[str, Any]]:
    body = {"id_token": token} if nonce is None else {"id_token": token, "nonce": nonce}
    return await call(session, "/v1/auth/exchange", body)


async def caller_of(session: aiohttp.ClientSession, token: str) -> Caller:
    keys = KeySet()
    keys.replace((await call(session, "/.well-known/jwks.json"))[1])
    return keys.caller(token)


async def login_at(url: str, nonce: str) -> str:
    """The id_token that a real issuer gives to a real client: authorization code, then token."""
    redirect = "http://127.0.0.1/back"
    asked = {
        "client_id": CLIENT_ID,
        "redirect_uri": redirect,
        "response_type": "code",
        "scope": "openid",
        "nonce": nonce,
    }
    async with aiohttp.ClientSession(url) as browser:
        form = {"sub": "ada"}
        async with browser.post("/oauth2/authorize", params=asked, data=form, allow_redirects=False) as answer:
            code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
        given = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect}
        headers = {"Authorization": aiohttp.encode_basic_auth(CLIENT_ID, "secret")}
        async with browser.post("/oauth2/token", data=given, headers=headers) as answer:
            return str((await answer.json())["id_token"])


async def test_a_real_issuer_lets_its_people_in(tmp_path: Path, identity_database: Database) -> None:
    """Twice the same person, of the issuer's level; the session goes on by refresh, of the same level."""
    port = ports.choose(["issuer"], {})["issuer"]
    program = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    with ServerProcess(lambda: program, "Uvicorn running").running():
        url = f"http://127.0.0.1:{port}"
        file = settings(tmp_path, listed(url, assurance="attested"))
        with identity_process(tmp_path, identity_database.url("vote_identity"), **file) as identity:
            async with aiohttp.ClientSession(identity.url) as session:
                first = await exchange(session, await login_at(url, hashed("first")), "first")
                second = await exchange(session, await login_at(url, hashed("second")), "second")
                assert (first[0], second[0]) == (200, 200), (first, second)
                assert first[1]["userId"] == second[1]["userId"]
                tokens = {"refresh_token": first[1]["refresh_token"]}
                status, renewed = await call(session, "/v1/auth/refresh", tokens)
                assert status == 200
                again = (await call(session, "/v1/auth/refresh", tokens))[1]  # within its grace
                for each in (first[1], second[1], renewed, again):
                    caller = await caller_of(session, each["token"])
                    assert (caller.user_id, set(caller.roles)) == (first[1]["userId"], {"viewer"})
                    assert caller.assurance is Assurance.ATTESTED
                assert (await call(session, "/v1/auth/validate", bearer=renewed["token"]))[0] == 200


async def test_a_token_is_taken_once(session: aiohttp.ClientSession, issuer: OidcIssuer) -> None:
    """Of many that come at once one gets a session; later ones get none."""
    token = issuer.token()
    answers = await asyncio.gather(*(exchange(session, token) for _ in range(8)))
    assert sorted(status for status, _ in answers) == [200, *[401] * 7]
    assert error_of(await exchange(session, token)) == REFUSED


async def test_who_comes_twice_at_once_is_one_person(
    session: aiohttp.ClientSession, issuer: OidcIssuer, identity_database: Database
) -> None:
    """Simultaneous first logins of one person make one account."""
    tokens = [issuer.token(sub="ada") for _ in range(8)]
    answers = await asyncio.gather(*(exchange(session, token) for token in tokens))
    assert {status for status, _ in answers} == {200}
    assert len({content["userId"] for _, content in answers}) == 1
    with psycopg.connect(identity_database.url()) as connection:
        assert connection.execute("SELECT count(*) FROM identity.users").fetchone() == (1,)


async def test_who_is_made_meanwhile_is_found(
    session: aiohttp.ClientSession, issuer: OidcIssuer, identity_database: Database, people: psycopg.Connection
) -> None:
    """A first login that waits for another one of the same person is of the account that the other one made."""
    made = "INSERT INTO identity.users (username, voter_seed) VALUES ('ada', %s) RETURNING user_id"
    waits = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(identity_database.url()) as other:
        [(user_id,)] = other.execute(made, [b"s" * 32]).fetchall()
        other.execute("INSERT INTO identity.federated VALUES (%s, %s, '{ada}')", [user_id, issuer.url])
        answer = asyncio.create_task(exchange(session, issuer.token(sub="ada")))
        await asyncio.to_thread(eventually, lambda: bool(people.execute(waits).fetchall()), "it waits")
        other.commit()
        status, login = await answer
    assert (status, login["userId"]) == (200, str(user_id))


async def test_who_is_erased_stays_out_for_a_while(session: aiohttp.ClientSession, issuer: OidcIssuer) -> None:
    """People see what is stored of them; a new account of an erased one would be a second vote, so there is none."""
    _, login = await exchange(session, issuer.token(sub="ada"))
    _, me = await call(session, "/v1/me", bearer=login["token"])
    assert (me["issuer"], me["subject"], me["email"]) == (issuer.url, ["ada"], None)
    async with session.delete("/v1/me", headers={"Authorization": f"Bearer {login['token']}"}) as answer:
        assert answer.status == 204
    assert error_of(await exchange(session, issuer.token(sub="ada"))) == (403, "forbidden", "")
    assert (await exchange(session, issuer.token(sub="bob")))[0] == 200


async def test_subjects_are_told_apart(session: aiohttp.ClientSession, issuer: OidcIssuer) -> None:
    """Each subject is a person of its own, in another case, too."""
    people = [(await exchange(session, issuer.token(sub=sub)))[1]["userId"] for sub in ("ada", "Ada", "bob", "ada ")]
    assert len(set(people)) == 4


async def test_an_issuer_says_who_and_nothing_else(session: aiohttp.ClientSession, issuer: OidcIssuer) -> None:
    """Roles, names, seeds and levels that stand in a token or in the call are ignored."""
    claims: dict[str, Any] = {
        "roles": ["admin"],
        "role": "admin",
        "seed": "x",
        "assurance": "attested",
        "preferred_username": "boss",
    }
    body = {"id_token": issuer.token(**claims), "nonce": NONCE, "roles": ["admin"], "user_id": "x", "username": "boss"}
    status, login = await call(session, "/v1/auth/exchange", body)
    assert status == 200
    who = (await call(session, "/v1/auth/validate", bearer=login["token"]))[1]
    assert (who["roles"], who["username"][:7]) == (["viewer"], "viewer-")
    assert (await caller_of(session, login["token"])).assurance is Assurance.FEDERATED


async def test_how_sure_an_issuer_must_be(tmp_path: Path, identity_database: Database, issuer: OidcIssuer) -> None:
    """A login that is weaker than acr and amr must say is 403; people by other claims than sub are told apart so."""
    strict = issuer.settings(
        acr_values=["high", "higher"],
        amr_values=["mfa"],
        person_claims=["tid", "oid"],
        nonce_required=False,
    )
    with identity_process(tmp_path, identity_database.url("vote_identity"), **settings(tmp_path, strict)) as identity:
        async with aiohttp.ClientSession(identity.url) as session:

            async def ask(**claims: Any) -> tuple[int, dict[str, Any]]:
                given = {"tid": "t", "oid": "o", "nonce": None, "acr": "high", "amr": ["pwd", "mfa"], **claims}
                return await exchange(session, issuer.token(**given), None)

            for weak in (
                {"acr": "low"},
                {"acr": None},
                {"amr": ["pwd"]},
                {"amr": "mfa"},
                {"amr": None},
                {"acr": ["high"]},
            ):
                assert error_of(await ask(**weak)) == (403, "forbidden", ""), weak
            assert error_of(await ask(oid=None)) == REFUSED
            same = [(await ask(sub=sub))[1]["userId"] for sub in ("a", "b")]
            assert len({*same, (await ask(oid="p"))[1]["userId"]}) == 2


async def test_an_outage_costs_no_session(session: aiohttp.ClientSession, issuer: OidcIssuer) -> None:
    """While an issuer is away its people are 503 with the reason, who is in goes on, and then all is as it was."""
    _, login = await exchange(session, issuer.token())
    issuer.status = 500
    unknown = issuer.token({"kid": "other"})
    assert error_of(await exchange(session, unknown)) == REFUSED  # asked a moment ago, so it is unknown
    assert (await exchange(session, issuer.token()))[0] == 200  # by the keys that are there
    status, renewed = await call(session, "/v1/auth/refresh", {"refresh_token": login["refresh_token"]})
    assert status == 200
    assert (await call(session, "/v1/auth/validate", bearer=renewed["token"]))[0] == 200


async def test_away_from_the_start(session: aiohttp.ClientSession, issuer: OidcIssuer) -> None:
    """An issuer that was never reached: 503, which says so, and may be repeated."""
    issuer.status = 500
    async with session.post("/v1/auth/exchange", json={"id_token": issuer.token(), "nonce": NONCE}) as answer:
        content = await answer.json()
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert "issuer can't be asked" in content["error"]["message"]
    assert (await call(session, "/ready"))[0] == 200


async def test_wrong_issuers_are_one_line(identity: IdentityProcess, tmp_path: Path) -> None:
    """A list that can't be used stops the process with a line that names the variable."""
    for text in (listed("http://login.example.org"), "[[issuer"):
        (tmp_path / "issuers.toml").write_text(text)
        done = identity.start_anew()
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), text
        assert "OIDC_ISSUERS_FILE" in done.stderr
