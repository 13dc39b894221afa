"""The short token check beside PyJWT's whole one: it may be stricter, never laxer, and a token has one spelling."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from types import SimpleNamespace
from typing import Any
from unittest import mock

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import example, given
from hypothesis import strategies as st
from jwt.algorithms import get_default_algorithms

from contract import base64url
from contract.errors import Unauthorized
from contract.tokens import ACCESS_TYPE, AUDIENCE, CLOCK_SKEW_S, ISSUER, KeySet, UnknownKeyError

KEYS: dict[str, Any] = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
}
JWKS = [
    {**get_default_algorithms()[name].to_jwk(key.public_key(), as_dict=True), "kid": name, "alg": name}
    for name, key in KEYS.items()
]
OURS = KeySet()
OURS.replace({"keys": JWKS})
THEIRS = {jwk["kid"]: jwt.PyJWK(jwk) for jwk in JWKS}
REQUIRED = ["iss", "aud", "sub", "jti", "iat", "exp"]

NOW = int(time.time())
HEADER = {"alg": "EdDSA", "kid": "EdDSA", "typ": ACCESS_TYPE}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "s",
    "jti": "j",
    "iat": NOW,
    "exp": NOW + 60,
    "roles": ["viewer"],
    "seed": "x",
}


class Standing(datetime):
    """A clock that stands at NOW."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Standing":
        """As the test goes on, it is still NOW."""
        return cls.fromtimestamp(NOW, tz or UTC)


@pytest.fixture(scope="module", autouse=True)
def _one_clock() -> Iterator[None]:
    with (
        mock.patch("contract.tokens.time", SimpleNamespace(time=lambda: float(NOW))),
        mock.patch("jwt.api_jwt.datetime", Standing),
    ):
        yield


def refused_by_pyjwt(token: str, kid: str = "EdDSA") -> bool:
    """Skew is for what has not begun: so its own leeway is asked about the beginning and about the end in turn."""
    for leeway, unasked in ((CLOCK_SKEW_S, ["verify_exp"]), (0, ["verify_iat", "verify_nbf"])):
        options: Any = {"require": REQUIRED, **dict.fromkeys(unasked, False)}
        try:
            jwt.decode(token, THEIRS[kid], [kid], options, audience=AUDIENCE, issuer=ISSUER, leeway=leeway)
        except Exception:  # noqa: BLE001  # also what escapes it by mistake is no token
            return True
    return False


def refused_by_us(token: str) -> bool:
    try:
        OURS.caller(token)
    except (Unauthorized, UnknownKeyError):
        return True
    return False


def written(members: list[tuple[str, Any]]) -> bytes:
    """A JSON object, which may have a member twice."""
    return ("{" + ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in members) + "}").encode()


def signed(header: bytes, payload: bytes, alg: str = "EdDSA") -> str:
    signed_part = base64url.encode(header) + b"." + base64url.encode(payload)
    algorithm = get_default_algorithms()[alg]
    return (signed_part + b"." + base64url.encode(algorithm.sign(signed_part, KEYS[alg]))).decode()


def good(alg: str = "EdDSA") -> str:
    return signed(written(list({**HEADER, "alg": alg, "kid": alg}.items())), written(list(CLAIMS.items())), alg)


GOOD = [good(alg) for alg in KEYS]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=5),
    st.floats(),
    st.integers(),
    st.sampled_from([10**400, -(10**400), 1e300, str(NOW), "NaN", "Infinity"]),
)
AT_A_BORDER = st.builds(
    lambda start, step, kind: kind(start + step),
    st.sampled_from([NOW, NOW - CLOCK_SKEW_S, NOW + CLOCK_SKEW_S]),
    st.one_of(st.integers(-2, 2), st.floats(-2, 2)),
    st.sampled_from([int, float, str, lambda value: value]),
)
VALUES = st.one_of(SCALARS, AT_A_BORDER, st.lists(SCALARS, max_size=3), st.dictionaries(st.text(max_size=3), SCALARS))
CLAIM = st.one_of(
    st.tuples(st.sampled_from(["nbf", "iat", "exp"]), st.one_of(AT_A_BORDER, VALUES)),
    st.tuples(st.just("aud"), st.one_of(VALUES, st.lists(st.sampled_from([AUDIENCE, "other", 1]), max_size=3))),
    st.tuples(st.one_of(st.sampled_from(list(CLAIMS)), st.text(max_size=4)), VALUES),
)
MEMBER = st.one_of(
    st.tuples(st.just("crit"), st.one_of(VALUES, st.lists(st.sampled_from(["b64", "exp", "x"]), max_size=2))),
    st.tuples(st.just("b64"), st.one_of(st.booleans(), VALUES)),
    st.tuples(st.sampled_from(["zip", "jku", "jwk", "alg", "kid", "typ"]), st.one_of(st.just("DEF"), VALUES)),
)


def changed(members: dict[str, Any], changes: list[tuple[str, Any]], without: list[str]) -> list[tuple[str, Any]]:
    return [pair for pair in members.items() if pair[0] not in without] + changes


@given(
    st.lists(MEMBER, max_size=2),
    st.lists(CLAIM, max_size=2),
    st.lists(st.sampled_from(REQUIRED), max_size=1),
)
@example([], [], [])
@example([("crit", ["exp"])], [], [])
@example([("b64", False)], [], [])
@example([], [("nbf", NOW + CLOCK_SKEW_S + 1)], [])
@example([], [("nbf", None)], [])
@example([], [("nbf", str(NOW))], [])
@example([], [("iat", float(NOW + CLOCK_SKEW_S + 1))], [])
@example([], [("exp", NOW)], [])
def test_what_pyjwt_refuses_is_refused(
    members: list[tuple[str, Any]], claims: list[tuple[str, Any]], without: list[str]
) -> None:
    """A well signed token with any header and claims, doubled or of odd types ones among them."""
    token = signed(written(changed(HEADER, members, [])), written(changed(CLAIMS, claims, without)))
    if refused_by_pyjwt(token):
        assert refused_by_us(token)
    elif not (members or claims or without):
        assert not refused_by_us(token)


@pytest.mark.parametrize("part", [0, 1], ids=["header", "payload"])
@given(st.binary(max_size=20), st.integers(0, 400))
@example(b',"x":"\xff"', -1)
def test_json_that_pyjwt_refuses_is_refused(part: int, junk: bytes, at: int) -> None:
    """Bytes put anywhere into a part before it is signed: what is no JSON object in UTF-8 is no token."""
    parts = [written(list(HEADER.items())), written(list(CLAIMS.items()))]
    parts[part] = parts[part][:at] + junk + parts[part][at:]
    token = signed(parts[0], parts[1])
    assert refused_by_us(token) or not refused_by_pyjwt(token)


@pytest.mark.parametrize("token", GOOD, ids=list(KEYS))
@given(st.integers(0, len(GOOD[0])), st.text(alphabet="AQgw_-+/=.! \n\x00é", max_size=3), st.integers(0, 2))
@example(0, "=", 0)
@example(0, "\n", 0)
@example(10, "!", 0)
@example(10, ".", 0)
def test_a_token_has_one_spelling(token: str, from_end: int, put_in: str, taken_out: int) -> None:
    """Characters put in, taken out, exchanged or padded: any other text than the one that was signed is refused."""
    at = len(token) - from_end
    other = token[:at] + put_in + token[at + taken_out :]
    assert refused_by_us(other) == (other != token)


@pytest.mark.parametrize("token", GOOD, ids=list(KEYS))
def test_unused_bits_are_nought(token: str) -> None:
    """Each part's last character has one right form, though others would decode to the same bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert not refused_by_us(token)
    assert not refused_by_pyjwt(token, kid=list(KEYS)[GOOD.index(token)])
    for end in [place - 1 for place, character in enumerate(token + ".") if character == "."]:
        spellings = [token[:end] + character + token[end + 1 :] for character in alphabet]
        assert [each for each in spellings if not refused_by_us(each)] == [token]
