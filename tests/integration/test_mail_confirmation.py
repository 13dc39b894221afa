"""A mail address is confirmed by a click on a link that was sent there, once; mail that can't be sent costs nobody."""

import asyncio
import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from unittest.mock import patch

import aiohttp
import psycopg
import pytest

from contract.assurance import Assurance
from contract.tokens import KeySet
from ops.embedded import ports
from ops.rig.database import Database
from ops.rig.eventually import eventually
from ops.rig.identity_process import PERSON, IdentityProcess, call, error_of, identity_process
from ops.rig.mail_server import PASSWORD, USER, MailServer, mail_server, make_certificate

REFUSED = (401, "unauthorized", "")
SITE = "https://vote.example.org/"
USED = (409, "wrong_state", "")


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def identity(tmp_path: Path, identity_database: Database, mails: MailServer) -> Iterator[IdentityProcess]:
    with identity_process(tmp_path, identity_database.url("vote_identity"), **mails.settings(SITE)) as process:
        yield process


async def register(session: aiohttp.ClientSession, identity: IdentityProcess, **changes: str) -> str:
    status, made = await call(session, "/v1/auth/register", PERSON | changes, identity.client_token())
    assert status == 201
    return str(made["user_id"])


async def login(session: aiohttp.ClientSession) -> dict[str, Any]:
    status, content = await call(session, "/v1/auth/login", PERSON)
    assert status == 200
    return content


async def level_of(session: aiohttp.ClientSession, token: str) -> Assurance:
    keys = KeySet()
    keys.replace((await call(session, "/.well-known/jwks.json"))[1])
    return keys.caller(token).assurance


async def confirm(session: aiohttp.ClientSession, token: str) -> tuple[int, dict[str, Any]]:
    return await call(session, "/v1/auth/mail/confirm", {"token": token})


def token_in(mail: EmailMessage) -> str:
    link = re.search(r"https://vote\.example\.org/confirm#(\S+)", mail.get_content())
    assert link
    return link[1]


async def metric(session: aiohttp.ClientSession, outcome: str) -> float:
    async with session.get("/metrics") as answer:
        found = re.search(rf'vote_mails_total{{outcome="{outcome}"}} (\S+)', await answer.text())
    return float(found[1]) if found else 0


def let_seconds_pass(identity_database: Database, seconds: int) -> None:
    with psycopg.connect(identity_database.url()) as connection:
        connection.execute(
            "UPDATE identity.mail_confirmations SET sent_at = sent_at - make_interval(secs => %s)", [seconds]
        )


async def test_a_confirmed_address_raises_the_level(identity: IdentityProcess, mails: MailServer) -> None:
    """Registering sends a link; once used, logins and the next refresh of sessions by password say `mail`."""
    async with aiohttp.ClientSession(identity.url) as session:
        user_id = await register(session, identity)
        mail = await asyncio.to_thread(mails.next_mail)
        assert (mail["To"], mail["From"]) == (PERSON["email"], "vote@example.org")
        before = await login(session)
        assert await level_of(session, before["token"]) is Assurance.PASSWORD
        assert await confirm(session, token_in(mail)) == (200, {"user_id": user_id})
        _, renewed = await call(session, "/v1/auth/refresh", {"refresh_token": before["refresh_token"]})
        for each in (renewed, await login(session)):
            assert await level_of(session, each["token"]) is Assurance.MAIL


async def test_a_link_counts_once(identity: IdentityProcess, mails: MailServer) -> None:
    """A second use, at once or later, changes nothing and says so; there is nothing left to ask for."""
    async with aiohttp.ClientSession(identity.url) as session:
        await register(session, identity)
        token = token_in(await asyncio.to_thread(mails.next_mail))
        answers = await asyncio.gather(*(confirm(session, token) for _ in range(5)))
        assert sorted(status for status, _ in answers) == [200, 409, 409, 409, 409]
        assert error_of(await confirm(session, token)) == USED
        again = await call(session, "/v1/auth/mail/confirmation", {}, (await login(session))["token"])
        assert error_of(again) == USED


async def test_other_tokens_confirm_nothing(
    identity: IdentityProcess, mails: MailServer, identity_database: Database
) -> None:
    """Access and client tokens, changed links, garbage: 401. A link is good for nothing else, nor for a new address."""
    async with aiohttp.ClientSession(identity.url) as session:
        await register(session, identity)
        token = token_in(await asyncio.to_thread(mails.next_mail))
        for wrong in ((await login(session))["token"], identity.client_token(), token[:-4] + "AAAA", "x", "", "é\0"):
            assert error_of(await confirm(session, wrong)) == REFUSED
        assert error_of(await call(session, "/v1/auth/validate", bearer=token)) == REFUSED
        assert error_of(await call(session, "/v1/auth/register", PERSON, token)) == REFUSED
        with psycopg.connect(identity_database.url()) as connection:
            connection.execute("UPDATE identity.users SET email = 'eve@example.org'")
        assert error_of(await confirm(session, token)) == USED
        with psycopg.connect(identity_database.url()) as connection:
            connection.execute("DELETE FROM identity.users")
        assert error_of(await confirm(session, token)) == USED


async def test_mails_to_one_address_are_few(
    identity: IdentityProcess, mails: MailServer, identity_database: Database
) -> None:
    """Another mail at once is 429; two minutes apart five come a day, and a repeated registration sends none."""
    async with aiohttp.ClientSession(identity.url) as session:
        token = identity.client_token()
        for _ in range(2):
            assert (await call(session, "/v1/auth/register", PERSON, token))[0] == 201
        bearer = (await login(session))["token"]
        for _ in range(5):
            assert await call(session, "/v1/auth/mail/confirmation", {}, bearer) == (202, {"expires_in": 86_400})
            async with session.post(
                "/v1/auth/mail/confirmation", headers={"Authorization": f"Bearer {bearer}"}
            ) as late:
                assert (late.status, late.headers["Retry-After"]) == (429, "120")
            let_seconds_pass(identity_database, 121)
        assert error_of(await call(session, "/v1/auth/mail/confirmation", {}, bearer)) == (429, "too_many", "")
        taken = [await asyncio.to_thread(mails.next_mail) for _ in range(6)]
        assert {token_in(mail) for mail in taken}
        let_seconds_pass(identity_database, 86_400)
        assert (await call(session, "/v1/auth/mail/confirmation", {}, bearer))[0] == 202
        await asyncio.to_thread(mails.next_mail)
    assert mails.is_empty()


async def test_mail_goes_round_the_world(identity: IdentityProcess, mails: MailServer) -> None:
    """An address with a name that is not in ASCII gets its mail."""
    async with aiohttp.ClientSession(identity.url) as session:
        await register(session, identity, email="\u00e4da@b\u00fccher.example")
    mail = await asyncio.to_thread(mails.next_mail)
    assert mail["To"] == "\u00e4da@xn--bcher-kva.example"


async def test_who_has_no_address_gets_no_mail(identity: IdentityProcess) -> None:
    """Staff and others without a mail address are told so; without a token nobody is told anything."""
    identity.operator("make-staff", "boss", "--role", "admin", stdin="correct horse\n")
    async with aiohttp.ClientSession(identity.url) as session:
        _, boss = await call(session, "/v1/auth/login", {"username": "boss", "password": "correct horse"})
        assert error_of(await call(session, "/v1/auth/mail/confirmation", {}, boss["token"])) == USED
        assert error_of(await call(session, "/v1/auth/mail/confirmation", {})) == REFUSED


async def test_a_busy_server_gets_it_later_and_a_refusal_ends_it(identity: IdentityProcess, mails: MailServer) -> None:
    """4xx is tried again, 5xx is not; no log line has the address."""
    async with aiohttp.ClientSession(identity.url) as session:
        mails.refusals = ["451 try later ada@example.org"]
        await register(session, identity)
        await asyncio.to_thread(mails.next_mail)
        assert await metric(session, "failed") == 1
        mails.refusals = ["550 no such user bob@example.org"]
        await register(session, identity, username="Bob", email="bob@example.org")
        while not await metric(session, "dropped"):
            pass
        assert mails.is_empty()
    said = "".join(identity.process.said())
    assert not [who for who in ("ada@", "bob@") if who in said]


async def test_a_mail_server_that_is_away_costs_nobody(tmp_path: Path, identity_database: Database) -> None:
    """Registration is answered while nobody takes mails, and the process ends when it is told to."""
    nobody = MailServer().settings(SITE, SMTP_PORT=str(ports.choose(["nobody"], {})["nobody"]))
    with identity_process(tmp_path, identity_database.url("vote_identity"), **nobody) as identity:
        async with aiohttp.ClientSession(identity.url) as session:
            await register(session, identity)
            while not await metric(session, "failed"):
                pass
            assert (await call(session, "/ready"))[0] == 200
            bearer = (await login(session))["token"]
            assert (await call(session, "/v1/auth/mail/confirmation", {}, bearer))[0] == 202


async def test_without_a_mail_server_nothing_is_sent(tmp_path: Path, identity_database: Database) -> None:
    """The default: people register, and who asks for a mail is told that there are none."""
    with identity_process(tmp_path, identity_database.url("vote_identity")) as identity:
        async with aiohttp.ClientSession(identity.url) as session:
            await register(session, identity)
            answer = await call(session, "/v1/auth/mail/confirmation", {}, (await login(session))["token"])
    assert error_of(answer) == (404, "not_found", "")


def test_mail_goes_by_tls_and_login(tmp_path: Path, identity_database: Database) -> None:
    """By STARTTLS with a certificate that is checked, and a password from a file."""
    certificate = make_certificate(tmp_path / "mail.pem")
    (tmp_path / "password").write_text(PASSWORD + "\n")
    with mail_server(certificate) as mails:
        strict = mails.settings(
            SITE,
            SMTP_SECURITY="starttls",
            SMTP_USER=USER,
            SMTP_PASSWORD_FILE=str(tmp_path / "password"),
            SSL_CERT_FILE=str(certificate),
        )
        with identity_process(tmp_path, identity_database.url("vote_identity"), **strict) as identity:
            asyncio.run(_register(identity))
            assert token_in(mails.next_mail())
            assert mails.logins == 1


def test_an_unknown_certificate_gets_no_mail(tmp_path: Path, identity_database: Database) -> None:
    """A server that nobody vouches for sees neither password nor mail."""
    (tmp_path / "password").write_text(PASSWORD)
    with mail_server(make_certificate(tmp_path / "mail.pem")) as mails:
        strict = mails.settings(
            SITE, SMTP_SECURITY="starttls", SMTP_USER=USER, SMTP_PASSWORD_FILE=str(tmp_path / "password")
        )
        with identity_process(tmp_path, identity_database.url("vote_identity"), **strict) as identity:
            asyncio.run(_register(identity))
            eventually(lambda: any("can't send mail" in line for line in identity.process.said()), "a failed try")
            assert (mails.logins, mails.is_empty()) == (0, True)


async def _register(identity: IdentityProcess) -> None:
    async with aiohttp.ClientSession(identity.url) as session:
        await register(session, identity)


def test_wrong_settings_are_one_line(identity: IdentityProcess) -> None:
    """What a mail server needs and hasn't got is said at the start."""
    for change, named in (
        ({"MAIL_FROM": ""}, "MAIL_FROM"),
        ({"PUBLIC_URL": ""}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "vote.example.org"}, "PUBLIC_URL"),
        ({"MAIL_FROM": "vote@example.org\nBcc: all@example.org"}, "MAIL_FROM"),
        ({"SMTP_SECURITY": "maybe"}, "SMTP_SECURITY"),
        ({"SMTP_USER": "x"}, "SMTP_SECURITY"),
        ({"SMTP_PASSWORD_FILE": "/no"}, "SMTP_PASSWORD_FILE"),
    ):
        with patch.dict(identity.env, change):
            done = identity.start_anew()
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), change
        assert named in done.stderr
