"""A passkey in software: what a browser and its authenticator answer, honestly or as they are told to."""

import hashlib
import json
import os
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from contract import base64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class Authenticator:
    """One P-256 passkey of a person at `origin`; `counter` rises with each signature."""

    def __init__(self, origin: str, domain: str) -> None:
        self.origin = origin
        self.domain = domain
        self.flags = PRESENT | VERIFIED
        self.counter = 0
        self._credential_id = os.urandom(16)
        self._private = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """What navigator.credentials.create() gives for these options."""
        numbers = self._private.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        of_credential = bytes(16) + len(self._credential_id).to_bytes(2, "big") + self._credential_id
        data = self._data(self.flags | ATTESTED) + of_credential + cbor2.dumps(public)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client_data("webauthn.create", options["challenge"])
        return self._credential(clientDataJSON=client, attestationObject=attestation)

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """What navigator.credentials.get() gives for these options."""
        self.counter += 1
        data, client = self._data(self.flags), self._client_data("webauthn.get", options["challenge"])
        signature = self._private.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._credential(clientDataJSON=client, authenticatorData=data, signature=signature)

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.domain.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _credential(self, **response: bytes) -> dict[str, Any]:
        name = _text(self._credential_id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "response": {field: _text(value) for field, value in response.items()},
            "clientExtensionResults": {},
        }


def _text(content: bytes) -> str:
    return base64url.encode(content).decode()
