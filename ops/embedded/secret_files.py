"""Keys and passwords of the embedded stack: random, made once, each in a file that only its owner can read.

Each carries the mark of a demo, by which production refuses it: they lie beside what uses them, and one is printed.
"""

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from command.identity.signing_keys import key_path, make_next_key
from contract.production import DEMO_KEY_MARK, DEMO_PASSWORD_MARK, DEMO_PEM_MARK


@dataclass(frozen=True)
class SecretFiles:
    """The folder of one stack's secrets."""

    folder: Path

    def password(self, of: str) -> str:
        """The password of a role, server or person; of characters that fit into any URL."""
        return self._keep(f"{of}.password", lambda: DEMO_PASSWORD_MARK + secrets.token_hex(24)).read_text()

    def signing_keys(self) -> Path:
        """The folder of the private keys that sign access tokens."""
        keys, only_key = self.folder / "signing_keys", self.folder / "signing_key.pem"
        if only_key.exists():  # from before there was a folder
            keys.mkdir(mode=0o700, exist_ok=True)
            only_key.rename(key_path(keys, 0))
        if not any(keys.glob("*.pem")):
            made = make_next_key(keys)
            write_private(made, DEMO_PEM_MARK + made.read_text())
        return keys

    def refresh_key(self) -> Path:
        """The key that refresh tokens follow from: 32 bytes in hexadecimal."""
        return self._keep("refresh_key.hex", lambda: _key(32))

    def erasure_key(self) -> Path:
        """The key of the hashes that stay of erased people: 32 bytes in hexadecimal."""
        return self._keep("erasure_key.hex", lambda: _key(32))

    def seed_keys(self) -> Path:
        """The keys of the voter seed inside access tokens by number: 32 bytes each."""
        return self._keep("seed_keys.json", lambda: json.dumps({"1": _key(32)}))

    def challenge_keys(self) -> Path:
        """The keys of challenges by number: 32 bytes each."""
        return self._keep("challenge_keys.json", lambda: json.dumps({"1": _key(32)}))

    def second_factor_keys(self) -> Path:
        """The keys that encrypt second factors by number: 32 bytes each."""
        return self._keep("second_factor_keys.json", lambda: json.dumps({"1": _key(32)}))

    def receipt_keys(self) -> Path:
        """The keys of the vote_id by number: 16 bytes each."""
        return self._keep("receipt_keys.json", lambda: json.dumps({"1": _key(16)}))

    def seal_keys(self) -> Path:
        """The keys of the seals by number: 32 bytes each."""
        return self._keep("seal_keys.json", lambda: json.dumps({"1": _key(32)}))

    def _keep(self, name: str, make: Callable[[], str]) -> Path:
        path = self.folder / name
        if not path.exists():
            write_private(path, make())
        return path


def _key(key_bytes: int) -> str:
    return (DEMO_KEY_MARK + secrets.token_bytes(key_bytes - len(DEMO_KEY_MARK))).hex()


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step by one that only its owner can read: never half written, never open for a moment."""
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)
