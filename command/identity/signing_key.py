"""A private key that signs tokens: its type gives its algorithm and its RFC 7638 thumbprint its id."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from contract import base64url

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_THUMBPRINT_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}


class SigningKey:
    """Signs tokens, and tells everybody else how to verify them."""

    def __init__(self, private_key: PrivateKey) -> None:
        self._private_key = private_key
        self._algorithm = _algorithm(private_key)
        public = get_default_algorithms()[self._algorithm].to_jwk(private_key.public_key(), as_dict=True)
        members = {name: public[name] for name in _THUMBPRINT_MEMBERS[public["kty"]]}
        self.kid = _thumbprint(members)
        self.jwk = members | {"kid": self.kid, "alg": self._algorithm, "use": "sig"}

    def sign(self, claims: Mapping[str, Any], token_type: str) -> str:
        """The token with these claims, its key id and its type in the header."""
        headers = {"kid": self.kid, "typ": token_type}
        return jwt.encode(dict(claims), self._private_key, self._algorithm, headers)


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
