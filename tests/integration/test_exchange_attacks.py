"""Tokens that no issuer gave, or not for this, or not now: each attack is refused, and leaves nothing."""

import base64
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ops.rig.database import Database
from ops.rig.identity_process import call, error_of, identity_process
from ops.rig.oidc_issuer import CLIENT_ID, DISCOVERY, KEYS, NONCE, OTHER_CLIENT_ID, OidcIssuer, hashed, oidc_issuer

REFUSED = (401, "unauthorized", "")
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def issuer() -> Iterator[OidcIssuer]:
    with oidc_issuer() as running:
        yield running


@pytest.fixture
async def session(
    tmp_path: Path, identity_database: Database, issuer: OidcIssuer
) -> AsyncIterator[aiohttp.ClientSession]:
    issuers = tmp_path / "issuers.toml"
    issuers.write_text(issuer.settings())
    with identity_process(tmp_path, identity_database.url("vote_identity"), OIDC_ISSUERS_FILE=str(issuers)) as identity:
        async with aiohttp.ClientSession(identity.url) as client:
            yield client


async def exchange(session: aiohttp.ClientSession, token: str, **nonce: str) -> tuple[int, dict[str, Any]]:
    return await call(session, "/v1/auth/exchange", {"id_token": token, **nonce})


def _spelled(*parts: dict[str, Any]) -> str:
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


def _forged(issuer: OidcIssuer) -> dict[str, str]:
    """Tokens that nobody may take, by what is wrong with each."""
    now = int(time.time())
    claims, jwk = issuer.claims(), issuer.jwk("foreign", STRANGER)
    pem = issuer.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head, payload, signature = issuer.token().split(".")
    nones = {f"alg {alg}": _spelled({"alg": alg, "kid": "first"}, claims) + "." for alg in ("none", "None", "nOnE", "")}
    shared = {"alg": "HS256", "kid": "first"}
    brought: dict[str, dict[str, Any]] = {
        "key": {},
        "kid": {"kid": "foreign"},
        "path": {"kid": "../../keys"},
        "jwk": {"jwk": jwk},
        "jku": {"jku": f"{issuer.url}/evil"},
        "x5u": {"x5u": f"{issuer.url}/evil"},
    }
    foreign = {
        f"foreign {name}": jwt.encode(claims, STRANGER, "RS256", {"kid": "first", **header})
        for name, header in brought.items()
    }
    said: dict[str, dict[str, Any]] = {
        "iss": {"iss": "https://login.example.org"},
        "iss list": {"iss": [issuer.url]},
        "no iss": {"iss": None},
        "aud": {"aud": "somebody"},
        "no aud": {"aud": None},
        "other auds": {"aud": ["somebody", "else"]},
        "auds without azp": {"aud": [CLIENT_ID, "somebody"]},
        "foreign azp": {"azp": "somebody"},
        "expired": {"exp": now - 61},
        "no exp": {"exp": None},
        "exp text": {"exp": "soon"},
        "exp infinite": {"exp": float("inf")},
        "not yet": {"nbf": now + 120},
        "issued later": {"iat": now + 120},
        "old": {"iat": now - 700, "exp": now + 3600},
        "ancient": {"iat": -(10**400)},
        "no iat": {"iat": None},
        "no sub": {"sub": None},
        "empty sub": {"sub": ""},
        "long sub": {"sub": "x" * 256},
        "NUL in sub": {"sub": "a\0"},
        "half a character in sub": {"sub": "\ud800"},
        "half a character in nonce": {"nonce": "\ud800"},
        "sub of numbers": {"sub": 7},
        "no nonce": {"nonce": None},
        "plain nonce": {"nonce": NONCE},
        "other nonce": {"nonce": hashed("other")},
        "nonce list": {"nonce": [hashed(NONCE)]},
    }
    return {
        **nones,
        **foreign,
        **{name: issuer.token(**change) for name, change in said.items()},
        "HS256 with the public key": f"{_spelled(shared, claims)}.{_hmac(pem, _spelled(shared, claims))}",
        "other algorithm": jwt.encode(claims, issuer.key, "RS512", {"kid": "first"}),
        "crit": issuer.token({"crit": ["b64"], "b64": False}),
        "unknown crit": issuer.token({"crit": ["x"], "x": 1}),
        "access token": issuer.token({"typ": "at+jwt"}),
        "logout token": issuer.token({"typ": "logout+jwt"}),
        "no signature": f"{head}.{payload}.",
        "changed": f"{head}.{_spelled(claims | {'sub': 'ada'})}.{signature}",
        "deep": head + "." + base64.urlsafe_b64encode(b"[" * 9000).decode() + "." + signature,
        "two parts": f"{head}.{payload}",
        "five parts": "a.b.c.d.e",
        "empty": "",
        "no ASCII": "é.é.é",
    }


def _hmac(key: bytes, signed: str) -> str:
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return base64.urlsafe_b64encode(algorithm.sign(signed.encode(), key)).decode().rstrip("=")


async def test_forged_and_foreign_tokens(
    session: aiohttp.ClientSession, issuer: OidcIssuer, identity_database: Database
) -> None:
    """Each attack is 401, asks nobody but the issuer, and leaves no account; a sound token goes on working."""
    for name, token in _forged(issuer).items():
        assert error_of(await exchange(session, token, nonce=NONCE)) == REFUSED, name
    assert error_of(await exchange(session, issuer.token())) == REFUSED
    assert set(issuer.asked) == {DISCOVERY, KEYS}
    with psycopg.connect(identity_database.url()) as connection:
        assert connection.execute("SELECT FROM identity.users").fetchall() == []
    for sound in ({"aud": [CLIENT_ID]}, {"aud": ["somebody", CLIENT_ID], "azp": OTHER_CLIENT_ID}, {"nbf": 1.5}):
        assert (await exchange(session, issuer.token(**sound), nonce=NONCE))[0] == 200, sound


async def test_a_body_is_bounded(session: aiohttp.ClientSession) -> None:
    """A token of 100 KB is refused before anybody looks into it; a missing one is named."""
    assert error_of(await exchange(session, "x" * 100_000))[:2] == (413, "too_large")
    assert error_of(await call(session, "/v1/auth/exchange", {})) == (400, "missing_field", "id_token")
