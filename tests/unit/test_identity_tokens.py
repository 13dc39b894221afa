"""Signing keys, the tokens they sign, refresh tokens, and the bound on password hashing."""

import asyncio
import os
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import jwt
import pytest
from argon2 import PasswordHasher as Argon2
from argon2 import extract_parameters
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from command.identity import password_hasher
from command.identity.account_store import User
from command.identity.fair_queue import FairQueue
from command.identity.password_hasher import PasswordHasher
from command.identity.refresh_token import RefreshToken, new_family, parse_refresh_token
from command.identity.signing_key import PrivateKey, SigningKey, _thumbprint
from command.identity.signing_keys import SigningKeys
from command.identity.token_mint import TokenMint
from contract.assurance import Assurance
from contract.errors import TooMany, Unauthorized
from contract.tokens import ACCESS_TYPE, CLIENT_TYPE, KeySet, SeedBox

SEEDS = SeedBox({1: b"k" * 32})
KEYS: dict[str, PrivateKey] = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def only(key: SigningKey) -> SigningKeys:
    return SigningKeys({0: key}, overlap_s=900)


def person(*roles: str) -> User:
    return User(uuid.uuid4(), "ann", list(roles), b"s" * 32, None, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("algorithm", KEYS)
def test_the_key_chooses_the_algorithm(algorithm: str) -> None:
    """A token says by which key it was signed, and everybody with the public keys reads what was put in."""
    key = SigningKey(KEYS[algorithm])
    user, session_id = person("viewer", "host"), uuid.uuid4()
    token = TokenMint(only(key), SEEDS, b"c" * 32).access(user, session_id, 900)
    keys = KeySet()
    keys.replace({"keys": [key.jwk]})
    caller = keys.caller(token)
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "kid": key.kid, "typ": ACCESS_TYPE}
    assert (caller.user_id, SEEDS.open(caller)) == (str(user.user_id), user.voter_seed)
    assert (caller.roles, caller.session_id) == (frozenset({"viewer", "host"}), str(session_id))
    assert (caller.since, caller.assurance) == (1_767_225_600, Assurance.PASSWORD)


def test_nothing_private_is_published() -> None:
    """The public keys have the members of a public key and no others."""
    published = [set(SigningKey(key).jwk) - {"kid", "alg", "use", "kty"} for key in KEYS.values()]
    assert published == [{"n", "e"}, {"crv", "x", "y"}, {"crv", "x"}]


def test_an_application_is_no_person() -> None:
    """A client token opens nothing that a person's token opens, and the other way round; expired ones nothing."""
    key = SigningKey(KEYS["ES256"])
    mint, keys = TokenMint(only(key), SEEDS, b"c" * 32), KeySet()
    keys.replace({"keys": [key.jwk]})
    client, viewer = mint.client("app", 900), mint.access(person("viewer"), uuid.uuid4(), 900)
    assert keys.claims(client, CLIENT_TYPE).sub == "app"
    for token, token_type in ((client, ACCESS_TYPE), (viewer, CLIENT_TYPE), (mint.client("app", -1), CLIENT_TYPE)):
        with pytest.raises(Unauthorized):
            keys.claims(token, token_type)


def test_thumbprint_is_that_of_the_rfc() -> None:
    """The example of RFC 7638, section 3.1."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj"
        "hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ"
        "vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"
        "nqDKgw"
    )
    assert _thumbprint({"kty": "RSA", "n": modulus, "e": "AQAB"}) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_refresh_token_survives_its_text() -> None:
    """What a client sends back is what it was given."""
    token = new_family()
    assert parse_refresh_token(token.text()) == token
    assert token.text() != new_family().text()


@given(st.text())
def test_other_texts_are_no_refresh_token(text: str) -> None:
    """Any text is a refresh token or None, never an error."""
    token = parse_refresh_token(text)
    assert token is None or token.text() == text


def test_a_refresh_token_has_one_spelling() -> None:
    """The other base64 alphabet, padding and what decoders skip are refused: a token is known by its text."""
    text = RefreshToken(uuid.UUID(int=0), b"\xff\xfe" * 16).text()
    assert parse_refresh_token(text)
    for other in (text.replace("_", "/"), text.replace("-", "+"), text + "====", text + "\n", " " + text, text[:-4]):
        assert parse_refresh_token(other) is None


def test_successor_needs_the_key() -> None:
    """The same key gives the same successor, in the same family; another key another one."""
    token = new_family()
    following = token.successor(b"r" * 32)
    assert following == token.successor(b"r" * 32)
    assert following.session_id == token.session_id
    assert isinstance(following, RefreshToken)
    assert len({token.hash, following.hash, token.successor(b"x" * 32).hash}) == 3


async def hashed(hasher: PasswordHasher, address: str = "203.0.113.7") -> str:
    async with hasher.turn(address):
        return await hasher.hash("password")


async def test_password_hashing_is_bounded() -> None:
    """One at once and one waiting: of three the third is refused at once, and afterwards there is room again."""
    hasher = PasswordHasher(1, FairQueue(items_max=1, items_per_address_max=1))
    answers = await asyncio.gather(*(hashed(hasher) for _ in range(3)), return_exceptions=True)
    assert [isinstance(answer, TooMany) for answer in answers] == [False, False, True]
    assert await hasher.verify(str(answers[0]), "password")
    assert not await hasher.verify(str(answers[0]), "passworD")
    hasher.close()


async def test_nobody_costs_as_much_as_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a hash to compare with, one of the same parameters is tried, and never fits."""
    tried: list[str] = []

    class Watched(Argon2):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  # its name there
            tried.append(str(hash))
            return super().verify(hash, password)

    monkeypatch.setattr(password_hasher, "Argon2", Watched)
    hasher = PasswordHasher(1, FairQueue(items_max=0, items_per_address_max=0))
    real = await hasher.hash("password")
    assert not await hasher.verify(None, "password")
    assert [extract_parameters(each) for each in tried] == [extract_parameters(real)]
    hasher.close()


def test_a_session_of_its_own_yields_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is shared with other processes is left as it is: they would yield, too. The process always does."""
    said, asked = tmp_path / "autogroup", []
    monkeypatch.setattr("os.setpriority", lambda *given: asked.append(given))
    monkeypatch.setattr(password_hasher, "SESSION_NICENESS", said)
    for leader, written in ((os.getpid() + 1, False), (os.getpid(), True)):
        monkeypatch.setattr("os.getsid", lambda _, leader=leader: leader)
        password_hasher.yield_as_a_whole(7)
        assert said.exists() is written
    assert (said.read_text(), asked) == ("7", [(os.PRIO_PROCESS, 0, 7)] * 2)


async def test_a_caller_who_leaves_makes_room() -> None:
    """Cancelled waiters no longer count."""
    hasher = PasswordHasher(1, FairQueue(items_max=1, items_per_address_max=1))
    waiting = [asyncio.create_task(hashed(hasher)) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    await asyncio.wait([waiting[1]])
    assert (await hashed(hasher)).startswith("$argon2id$")
    await waiting[0]
    hasher.close()


async def test_a_turn_of_a_caller_who_leaves_is_passed_on() -> None:
    """Whoever is cancelled while running, when the turn comes or while it waits: the others all get theirs."""
    hasher = PasswordHasher(1, FairQueue(items_max=9, items_per_address_max=9))
    callers = [asyncio.create_task(hashed(hasher)) for _ in range(6)]
    await asyncio.sleep(0)
    callers[0].cancel()
    callers[1].cancel()
    await callers[2]
    callers[3].cancel()
    assert [(await callers[n]).startswith("$argon2id$") for n in (4, 5)] == [True, True]
    assert (await hashed(hasher)).startswith("$argon2id$")
    hasher.close()


async def test_a_flood_is_refused_to_its_own_address() -> None:
    """When all is full, one of another address gets the place of the flood's last one."""
    hasher = PasswordHasher(1, FairQueue(items_max=4, items_per_address_max=4))
    flood = [asyncio.create_task(hashed(hasher)) for _ in range(5)]
    await asyncio.sleep(0)
    assert (await hashed(hasher, "203.0.113.8")).startswith("$argon2id$")
    answers = await asyncio.gather(*flood, return_exceptions=True)
    assert [isinstance(answer, TooMany) for answer in answers] == [False, False, False, False, True]
    hasher.close()
