"""The private key that signs tokens: a PEM file that only identity can read.

The key's type gives its algorithm and its RFC 7638 thumbprint its id, so both follow from the file alone and
several identity processes with the same file agree.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from contract import base64url
from contract.settings import SettingError

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

RSA_BITS = 2048
_THUMBPRINT_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}


class SigningKey:
    """Signs tokens, and tells everybody else how to verify them."""

    def __init__(self, private_key: PrivateKey) -> None:
        self._private_key = private_key
        self._algorithm = _algorithm(private_key)
        public = get_default_algorithms()[self._algorithm].to_jwk(private_key.public_key(), as_dict=True)
        members = {name: public[name] for name in _THUMBPRINT_MEMBERS[public["kty"]]}
        self._kid = _thumbprint(members)
        self.jwks = {"keys": [members | {"kid": self._kid, "alg": self._algorithm, "use": "sig"}]}
        secret = private_key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._rotation_key = hmac.digest(secret, b"refresh tokens", "sha256")

    def sign(self, claims: Mapping[str, Any], token_type: str) -> str:
        """The token with these claims, its key id and its type in the header."""
        headers = {"kid": self._kid, "typ": token_type}
        return jwt.encode(dict(claims), self._private_key, self._algorithm, headers)

    def successor(self, secret: bytes) -> bytes:
        """The 32 bytes that follow on a refresh token's secret: always the same, and only this key can tell."""
        return hmac.digest(self._rotation_key, secret, "sha256")


def load_signing_key(path: Path) -> SigningKey:
    """The key in a PEM file; raises `SettingError` with one line."""
    try:
        private_key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        return SigningKey(cast("PrivateKey", private_key))  # other types are refused inside
    except (OSError, ValueError, TypeError) as error:
        raise SettingError(f"SIGNING_KEY_FILE holds no private key that can sign: {error}") from error


def make_signing_key(path: Path) -> None:
    """Write a new RSA key, readable by its owner only; raises FileExistsError rather than overwrite one."""
    pem = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)


def _algorithm(private_key: PrivateKey) -> str:
    """The one algorithm that this key signs with; raises ValueError for a key of no use here."""
    if isinstance(private_key, rsa.RSAPrivateKey):
        return "RS256"
    if isinstance(private_key, ec.EllipticCurvePrivateKey) and private_key.curve.name == "secp256r1":
        return "ES256"
    if isinstance(private_key, ed25519.Ed25519PrivateKey):
        return "EdDSA"
    raise ValueError("it must be RSA, P-256 or Ed25519")


def _thumbprint(members: Mapping[str, str]) -> str:
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    return base64url.encode(hashlib.sha256(canonical).digest()).decode()
