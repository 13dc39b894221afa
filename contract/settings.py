"""Settings: read once from the environment into small frozen pieces.

Each field names its variable, its default and its unit; a missing or malformed one is a `SettingError`
with one clear line, raised by the composition root before anything is opened. What only one process reads stands in
its own settings.py; ops/SETTINGS.md lists all of it.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

Piece = TypeVar("Piece")
_REQUIRED = object()
KEY_NO_MAX = (1 << 15) - 1  # a smallint, as events keep it


class SettingError(Exception):
    """A setting is missing or malformed; the message names the variable."""


def setting(variable: str, default: Any = _REQUIRED, parse: Callable[[str], Any] = str, unit: str = "") -> Any:
    """A dataclass field that is read from `variable`; without a default it must be set."""
    metadata = {"variable": variable, "default": default, "parse": parse, "unit": unit}
    return dataclasses.field(metadata=metadata)


def read(piece: type[Piece], env: Mapping[str, str]) -> Piece:
    """Build one piece from the environment; raises `SettingError`."""
    values = {f.name: _value(f.metadata, env) for f in dataclasses.fields(piece)}  # type: ignore[arg-type]  # every piece is a dataclass
    return piece(**values)


def _value(metadata: Mapping[str, Any], env: Mapping[str, str]) -> Any:
    variable, default = metadata["variable"], metadata["default"]
    text = env.get(variable, "")
    if not text:
        if default is _REQUIRED:
            raise SettingError(f"{variable} is not set")
        return default
    try:
        return metadata["parse"](text)
    except (ValueError, OSError) as error:
        raise SettingError(f"{variable} is malformed: {error}") from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def hex_key(path: str) -> bytes:
    """A key of 32 bytes in a file, as hexadecimal text."""
    key = bytes.fromhex(Path(path).read_text(encoding="ascii").strip())
    if len(key) != 32:
        raise ValueError("it must hold 32 bytes in hexadecimal")
    return key


def numbered_keys(key_bytes: int) -> Callable[[str], dict[int, bytes]]:
    """A JSON object {"key_no": hex} in a file: one key per generation, the highest is used for what is new."""

    def parse(path: str) -> dict[int, bytes]:
        content = json.loads(Path(path).read_text(encoding="ascii"))
        if not isinstance(content, dict) or not content:
            raise ValueError('it must be a JSON object {"key number": "hexadecimal key"}')
        keys = {int(number): bytes.fromhex(str(key)) for number, key in content.items()}
        for number, key in keys.items():
            if len(key) != key_bytes or not 0 < number <= KEY_NO_MAX:
                raise ValueError(f"key {number}: {key_bytes} bytes and a number from 1 to {KEY_NO_MAX} are needed")
        return keys

    return parse


@dataclasses.dataclass(frozen=True, slots=True)
class Listening:
    """Where a process listens; only the edge is public. Each process adds its own `port`."""

    host: str = setting("BIND_HOST", "127.0.0.1")


@dataclasses.dataclass(frozen=True, slots=True)
class Primary:
    """The Postgres that takes writes, with the login of the process' own role."""

    url: str = setting("DATABASE_URL")


@dataclasses.dataclass(frozen=True, slots=True)
class Replica:
    """The Postgres that answers reads; a replica in production, by default the primary."""

    url: str = setting("REPLICA_URL")


@dataclasses.dataclass(frozen=True, slots=True)
class IdentityDatabase:
    """The Postgres of people and sessions, with the login of the process' own role: identity's tables, others' door."""

    url: str = setting("IDENTITY_DATABASE_URL")


@dataclasses.dataclass(frozen=True, slots=True)
class Redis:
    """The aggregates; may be lost at any moment. `sources` are added up by the readers."""

    url: str = setting("REDIS_URL")
    sources: tuple[str, ...] = setting("SOURCES", ("main",), _names)


@dataclasses.dataclass(frozen=True, slots=True)
class Verification:
    """How access tokens are verified: public keys by URL, and the keys of the voter seed inside them, 32 bytes each."""

    jwks_url: str = setting("JWKS_URL")
    seed_keys: dict[int, bytes] = setting("SEED_KEY_FILE", parse=numbered_keys(32))


@dataclasses.dataclass(frozen=True, slots=True)
class ReceiptKeys:
    """Keys of the vote_id by key_no, 16 bytes each; held by command and query."""

    by_number: dict[int, bytes] = setting("RECEIPT_KEYS_FILE", parse=numbered_keys(16))


@dataclasses.dataclass(frozen=True, slots=True)
class SealKeys:
    """Keys of the row seals by key_no, 32 bytes each; held by command and the audit tool, never by the database."""

    by_number: dict[int, bytes] = setting("SEAL_KEYS_FILE", parse=numbered_keys(32))


@dataclasses.dataclass(frozen=True, slots=True)
class ChallengeKeys:
    """Keys of challenges by number, 32 bytes each: identity makes with the newest, identity and command check with all.

    A new number goes to command first; an old one goes once its challenges have expired.
    """

    by_number: dict[int, bytes] = setting("CHALLENGE_KEY_FILE", parse=numbered_keys(32))
