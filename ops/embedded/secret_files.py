"""Keys and passwords of the embedded stack: random, made once, each in a file that only its owner can read."""

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from command.identity.signing_key import make_signing_key


@dataclass(frozen=True)
class SecretFiles:
    """The folder of one stack's secrets."""

    folder: Path

    def password(self, of: str) -> str:
        """The password of a role, server or person; hexadecimal, so that it fits into any URL."""
        return self._keep(f"{of}.password", lambda: secrets.token_hex(24)).read_text()

    def signing_key(self) -> Path:
        """The private key that signs access tokens."""
        path = self.folder / "signing_key.pem"
        if not path.exists():
            make_signing_key(path)
        return path

    def seed_keys(self) -> Path:
        """The keys of the voter seed inside access tokens by number: 32 bytes each."""
        return self._keep("seed_keys.json", lambda: json.dumps({"1": secrets.token_hex(32)}))

    def receipt_keys(self) -> Path:
        """The keys of the vote_id by number: 16 bytes each."""
        return self._keep("receipt_keys.json", lambda: json.dumps({"1": secrets.token_hex(16)}))

    def seal_keys(self) -> Path:
        """The keys of the seals by number: 32 bytes each."""
        return self._keep("seal_keys.json", lambda: json.dumps({"1": secrets.token_hex(32)}))

    def _keep(self, name: str, make: Callable[[], str]) -> Path:
        path = self.folder / name
        if not path.exists():
            write_private(path, make())
        return path


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step by one that only its owner can read: never half written, never open for a moment."""
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)
