"""An issuer's keys are fetched when they are needed, seldom, and from nobody else, however it and its tokens behave."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from command.identity import issuer_keys
from command.identity.issuer_keys import IssuerKeys
from command.identity.issuers import Issuer
from contract.errors import Busy
from ops.rig.oidc_issuer import CLIENT_ID, DISCOVERY, KEYS, OidcIssuer, oidc_issuer


@pytest.fixture
def issuer() -> Iterator[OidcIssuer]:
    with oidc_issuer() as running:
        yield running


@contextlib.asynccontextmanager
async def keys_of(url: str) -> AsyncIterator[IssuerKeys]:
    keys = IssuerKeys(Issuer(issuer=url, audiences=(CLIENT_ID,)))
    await keys.open()
    try:
        yield keys
    finally:
        await keys.close()


@pytest.fixture
async def keys(issuer: OidcIssuer) -> AsyncIterator[IssuerKeys]:
    async with keys_of(issuer.url) as opened:
        yield opened


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock by which keys grow old."""
    now = [1000.0]
    monkeypatch.setattr(issuer_keys, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


async def test_keys_are_fetched_once(issuer: OidcIssuer, keys: IssuerKeys) -> None:
    """Many who come at once share a fetch, and for minutes nobody fetches again."""
    found = await asyncio.gather(*(keys.find("first") for _ in range(50)))
    assert [jwk and jwk["kid"] for jwk in found] == ["first"] * 50
    assert issuer.asked == [DISCOVERY, KEYS]


async def test_unknown_ids_make_one_fetch_in_ten_seconds(
    issuer: OidcIssuer, keys: IssuerKeys, pass_time: Callable[[float], None]
) -> None:
    """Made-up key ids don't make us ask oftener; a new key is found by the next fetch."""
    for number in range(50):
        assert await keys.find(f"made up {number}") is None
    assert len(issuer.asked) == 2
    issuer.documents[KEYS] = json.dumps({"keys": [issuer.jwk("first"), issuer.jwk("second")]}).encode()
    assert await keys.find("second") is None
    pass_time(10)
    assert await keys.find("second")
    assert len(issuer.asked) == 4


async def test_keys_are_kept_for_ten_minutes(
    issuer: OidcIssuer, keys: IssuerKeys, pass_time: Callable[[float], None]
) -> None:
    """An outage in that time is not noticed; after it a key that can't be fetched anew isn't trusted."""
    assert await keys.find("first")
    issuer.status = 500
    pass_time(600)
    assert await keys.find("first")
    pass_time(1)
    with pytest.raises(Busy):
        await keys.find("first")
    issuer.status = 200
    with pytest.raises(Busy):  # asked a moment ago
        await keys.find("first")
    pass_time(10)
    assert await keys.find("first")


async def test_a_withdrawn_key_is_gone(
    issuer: OidcIssuer, keys: IssuerKeys, pass_time: Callable[[float], None]
) -> None:
    """What the issuer doesn't publish any more verifies nothing."""
    assert await keys.find("first")
    issuer.documents[KEYS] = json.dumps({"keys": [issuer.jwk("second")]}).encode()
    pass_time(601)
    assert await keys.find("first") is None


async def test_a_token_without_key_id(issuer: OidcIssuer, keys: IssuerKeys, pass_time: Callable[[float], None]) -> None:
    """It means the only key, and nothing where there are two."""
    assert await keys.find(None)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    issuer.documents[KEYS] = json.dumps({"keys": [issuer.jwk("first"), issuer.jwk("other", other)]}).encode()
    pass_time(601)
    assert await keys.find(None) is None


async def test_secret_private_and_encryption_keys_are_left_out(issuer: OidcIssuer, keys: IssuerKeys) -> None:
    """Only public keys for signatures are taken."""
    secret, private = {"kty": "oct", "kid": "secret", "k": "AAAA"}, issuer.jwk("private") | {"d": "AAAA"}
    others = [secret, private, issuer.jwk("first") | {"kid": "enc", "use": "enc"}, {}]
    issuer.documents[KEYS] = json.dumps({"keys": [*others, issuer.jwk("first")]}).encode()
    assert await keys.find("first")
    assert await keys.find("secret") is None
    assert await keys.find("private") is None
    assert await keys.find("enc") is None


def _discovery(url: str, **changes: Any) -> bytes:
    return json.dumps({"issuer": url, "jwks_uri": f"{url}{KEYS}", **changes}).encode()


HOSTILE: dict[str, Callable[[OidcIssuer], dict[str, bytes]]] = {
    "another issuer": lambda issuer: {DISCOVERY: _discovery(issuer.url, issuer="https://login.example.org")},
    "a slash more": lambda issuer: {DISCOVERY: _discovery(issuer.url, issuer=f"{issuer.url}/")},
    "keys elsewhere in the clear": lambda issuer: {DISCOVERY: _discovery(issuer.url, jwks_uri="http://192.0.2.1/")},
    "keys in a file": lambda issuer: {DISCOVERY: _discovery(issuer.url, jwks_uri="file:///etc/passwd")},
    "keys at no address": lambda issuer: {DISCOVERY: _discovery(issuer.url, jwks_uri="http://[::1")},
    "no keys": lambda issuer: {DISCOVERY: json.dumps({"issuer": issuer.url}).encode()},
    "no JSON": lambda _: {DISCOVERY: b"<html>"},
    "no UTF-8": lambda _: {DISCOVERY: b'{"issuer": "\xff"}'},
    "a deep one": lambda _: {DISCOVERY: b"[" * 50_000},
    "a huge discovery": lambda issuer: {DISCOVERY: _discovery(issuer.url, padding="x" * 70_000)},
    "huge keys": lambda issuer: {KEYS: json.dumps({"keys": [issuer.jwk("first") | {"x": "x" * 70_000}]}).encode()},
    "too many keys": lambda issuer: {KEYS: json.dumps({"keys": [issuer.jwk(f"{n}") for n in range(33)]}).encode()},
    "keys that are none": lambda _: {KEYS: b'{"keys": ["first"]}'},
}


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_what_cannot_be_used_is_an_outage(issuer: OidcIssuer, keys: IssuerKeys, hostile: str) -> None:
    """Whatever comes instead of an issuer's documents is `Busy`, and nothing of it is kept."""
    issuer.documents |= HOSTILE[hostile](issuer)
    with pytest.raises(Busy):
        await keys.find("first")


async def test_redirections_are_refused(issuer: OidcIssuer, keys: IssuerKeys) -> None:
    """Nobody sends us elsewhere, not even to the same server."""
    issuer.status, issuer.headers = 302, {"Location": f"{issuer.url}{KEYS}"}
    with pytest.raises(Busy):
        await keys.find("first")
    assert issuer.asked == [DISCOVERY]


async def test_a_slow_issuer_is_given_up(issuer: OidcIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fetch has a deadline for all of it; who goes away meanwhile ends nobody else's."""
    monkeypatch.setattr(issuer_keys, "FETCH_TIMEOUT_S", 0.2)
    issuer.may_answer.clear()
    async with keys_of(issuer.url) as slow:
        gone, stays = asyncio.create_task(slow.find("first")), asyncio.create_task(slow.find("first"))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(Busy):
            await stays
    assert issuer.asked == [DISCOVERY]


async def test_nobody_there(issuer: OidcIssuer) -> None:
    """A closed port is an outage."""
    url = issuer.url
    issuer.shutdown()
    issuer.server_close()
    async with keys_of(url) as nobody:
        with pytest.raises(Busy):
            await nobody.find(None)
