"""Access tokens: only what identity signed, for this purpose, now, under the key's own algorithm."""

import base64
import hashlib
import hmac
import itertools
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import Unauthorized
from contract.tokens import (
    ACCESS_TYPE,
    AUDIENCE,
    CHALLENGE_TYPE,
    CLIENT_TYPE,
    ISSUER,
    KeySet,
    SeenTokens,
    UnknownKeyError,
)

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EDDSA_KEY = ed25519.Ed25519PrivateKey.generate()
RSA_PUBLIC = RSA_KEY.public_key()
PUBLIC_PEM = RSA_PUBLIC.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def jwk_of(key: Any, algorithm: Any, key_id: str, name: str) -> dict[str, Any]:
    return {**algorithm.to_jwk(key, as_dict=True), "kid": key_id, "alg": name}


def key_set(*jwks: dict[str, Any]) -> KeySet:
    keys = KeySet()
    keys.replace({"keys": list(jwks) or [jwk_of(RSA_PUBLIC, jwt.algorithms.RSAAlgorithm, "k1", "RS256")]})
    return keys


def claims_now(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "s", "jti": "j", "iat": now, "exp": now + 60, "seed": "x"}
    return {key: value for key, value in {**claims, "roles": ["viewer"], **changes}.items() if value is not None}


def signed(key: Any = RSA_KEY, algorithm: str = "RS256", **changes: Any) -> str:
    header = {"kid": "k1", "typ": ACCESS_TYPE, **changes.pop("header", {})}
    return jwt.encode(claims_now(**changes), key, algorithm, header)


def unsigned(header: dict[str, Any], signature: str = "") -> str:
    parts = [header, claims_now()]
    return ".".join(
        [*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts), signature]
    )


def test_a_good_token_names_its_caller() -> None:
    """Subject, roles, id and expiry come out as they were signed."""
    caller = key_set().caller(signed(roles=["host", "viewer"]))
    assert (caller.user_id, caller.token_id, caller.is_staff, caller.may_read_all) == ("s", "j", True, False)


@pytest.mark.parametrize(
    ("private", "algorithm", "name"),
    [
        (ed25519.Ed25519PrivateKey.generate(), jwt.algorithms.OKPAlgorithm, "EdDSA"),
        (ec.generate_private_key(ec.SECP256R1()), jwt.algorithms.ECAlgorithm, "ES256"),
    ],
)
def test_the_algorithm_belongs_to_the_key(private: Any, algorithm: Any, name: str) -> None:
    """Another kind of key is a matter of configuration."""
    keys = key_set(jwk_of(private.public_key(), algorithm, "k1", name))
    assert keys.caller(signed(private, name)).user_id == "s"
    with pytest.raises(Unauthorized):
        keys.caller(signed())


NOW = int(time.time())


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "..",
        "é",
        "x" * 5000,
        signed() + "A",
        signed()[:-10],
        signed(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        signed(RSA_KEY, "RS512"),
        signed(RSA_KEY, "PS256"),
        signed(exp=NOW - 1),
        signed(iat=NOW + 3600),
        signed(nbf=NOW + 3600),
        signed(iss="other"),
        signed(aud="other"),
        signed(sub=None),
        signed(jti=None),
        signed(exp=None),
        signed(seed=None),
        signed(roles="admin"),
        signed(header={"typ": CLIENT_TYPE}),
        signed(header={"typ": "JWT"}),
        signed(header={"typ": CHALLENGE_TYPE}, purpose="register"),
        signed(padding="x" * 100_000),
        unsigned({"alg": "RS256", "typ": ACCESS_TYPE}, "AAAA"),
        unsigned({"alg": "RS256", "kid": ["k1"], "typ": ACCESS_TYPE}, "AAAA"),
        "[" * 3000 + ".." ,
    ],
)  # fmt: skip
def test_anything_else_is_unauthorized(token: str) -> None:
    """Altered, expired, foreign, unsigned, misdirected or malformed: one answer."""
    with pytest.raises(Unauthorized):
        key_set().caller(token)


@pytest.mark.parametrize("signature", ["", "AAAA", signed().rpartition(".")[2]])
def test_no_spelling_of_none_is_an_algorithm(signature: str) -> None:
    """Capitals, spaces, nothing, null: with no signature, any, or the one of a good token."""
    spellings = {"".join(each) for each in itertools.product(*zip("none", "NONE", strict=True))}
    for alg in (*spellings, "", " none", "none ", "none\0", "n\u043ene", None):
        with pytest.raises(Unauthorized):
            key_set().caller(unsigned({"alg": alg, "kid": "k1", "typ": ACCESS_TYPE}, signature))


@pytest.mark.parametrize("kind", ["RS256", "EdDSA"])
def test_the_public_key_is_no_secret(kind: str) -> None:
    """A token signed by HMAC with the public key, in whatever form, is refused; so is one by the other kind of key."""
    keys = key_set(
        jwk_of(RSA_PUBLIC, jwt.algorithms.RSAAlgorithm, "RS256", "RS256"),
        jwk_of(EDDSA_KEY.public_key(), jwt.algorithms.OKPAlgorithm, "EdDSA", "EdDSA"),
    )
    raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    public = {"RS256": [PUBLIC_PEM], "EdDSA": [EDDSA_KEY.public_key().public_bytes(*raw)]}[kind]
    for alg, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
        head = unsigned({"alg": alg, "kid": kind, "typ": ACCESS_TYPE}).rstrip(".")
        for key in public:
            mac = hmac.digest(key, head.encode(), digest)
            with pytest.raises(Unauthorized):
                keys.caller(f"{head}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}")
    other, algorithm = {"RS256": (EDDSA_KEY, "EdDSA"), "EdDSA": (RSA_KEY, "RS256")}[kind]
    with pytest.raises(Unauthorized):
        keys.caller(signed(other, algorithm, header={"kid": kind}))


def test_keys_that_a_token_brings_are_ignored() -> None:
    """Under a known key id, with its own jwk, x5c, jku and x5u: only our key of that id counts."""
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = jwk_of(other.public_key(), jwt.algorithms.RSAAlgorithm, "k1", "RS256")
    for name, value in {"jwk": jwk, "x5c": ["AAAA"], "jku": "http://127.0.0.1/", "x5u": "http://127.0.0.1/"}.items():
        with pytest.raises(Unauthorized):
            key_set().caller(signed(other, header={name: value}))
        assert key_set().caller(signed(header={name: value})).user_id == "s"


@pytest.mark.parametrize("key_id", ["k2", "../../etc/passwd", "k1'--"])
def test_an_unknown_key_id_asks_for_a_fresh_key_set(key_id: str) -> None:
    """Only the id is looked up, in memory; jku, x5u and embedded keys are never followed."""
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = jwk_of(other.public_key(), jwt.algorithms.RSAAlgorithm, key_id, "RS256")
    with pytest.raises(UnknownKeyError):
        key_set().caller(signed(other, header={"kid": key_id, "jwk": jwk, "jku": "http://127.0.0.1/"}))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What signatures were looked at, in their order."""
    algorithm, looked = jwt.algorithms.RSAAlgorithm, []
    verify = algorithm.verify

    def noting(self: Any, message: bytes, key: Any, signature: bytes) -> bool:
        looked.append(signature)
        return bool(verify(self, message, key, signature))

    monkeypatch.setattr(algorithm, "verify", noting)
    return looked


def test_a_token_that_comes_again_is_known(looks: list[bytes]) -> None:
    """Its signature is looked at once, also when the same keys were fetched again meanwhile."""
    keys, token = key_set(), signed()
    first = keys.caller(token)
    keys.replace({"keys": [jwk_of(RSA_PUBLIC, jwt.algorithms.RSAAlgorithm, "k1", "RS256")]})
    assert keys.caller(token) == first
    assert len(looks) == 1


@pytest.mark.parametrize("at", [0, 1, 2])
def test_only_the_very_same_text_is_known(looks: list[bytes], at: int) -> None:
    """A known token with another header, other claims or another signature is looked at, and refused."""
    keys, known, other = key_set(), signed(), signed(sub="other", header={"x": 1})
    keys.caller(known)
    parts = known.split(".")
    parts[at] = other.split(".")[at]
    for _ in range(2):
        with pytest.raises(Unauthorized):
            keys.caller(".".join(parts))
    assert len(looks) == 3


def test_a_known_token_ends_when_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    """Being known prolongs nothing."""
    keys, token = key_set(), signed(exp=NOW + 36_000)
    keys.caller(token)
    monkeypatch.setattr("contract.tokens.time.time", lambda: NOW + 36_000.0)
    with pytest.raises(Unauthorized):
        keys.caller(token)


def test_a_known_token_is_of_one_type() -> None:
    """A person's token that is known isn't an application's."""
    keys, token = key_set(), signed()
    keys.caller(token)
    with pytest.raises(Unauthorized):
        keys.claims(token, CLIENT_TYPE)


def test_a_known_token_ends_with_its_key() -> None:
    """When the key has left the set, or another has its id."""
    keys, token = key_set(), signed()
    keys.caller(token)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    for key_id, refusal in (("k1", Unauthorized), ("k2", UnknownKeyError)):
        keys.replace({"keys": [jwk_of(other, jwt.algorithms.RSAAlgorithm, key_id, "RS256")]})
        with pytest.raises(refusal):
            keys.caller(token)


def test_seen_tokens_are_bounded_and_who_comes_again_stays() -> None:
    """However many others come, no more than so many are kept, and one that is asked for in time is among them."""
    seen, others = SeenTokens(10), [str(number).encode() for number in range(100)]
    seen.add(b"faithful")
    for other in others:
        seen.add(other)
        assert b"faithful" in seen
    assert others[-1] in seen
    assert sum(other in seen for other in others) <= 10


@given(st.text(max_size=300))
def test_no_text_escapes(token: str) -> None:
    """Whatever comes as a token is refused by the contract's own errors."""
    with pytest.raises((Unauthorized, UnknownKeyError)):
        key_set().caller(token)


def test_a_key_set_holds_public_keys_only() -> None:
    """A symmetric key in the set is refused and the old set stays."""
    keys = key_set()
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "k1", "alg": "HS256"}
    with pytest.raises(ValueError, match="public keys only"):
        keys.replace({"keys": [secret]})
    assert keys.caller(signed()).user_id == "s"
