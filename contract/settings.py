"""Settings: read once from the environment into small frozen pieces.

Each field names its variable, its default and its unit; a missing or malformed one is a `SettingError`
with one clear line, raised by the composition root before anything is opened. What only one process reads stands in
its own settings.py; ops/SETTINGS.md lists all of it.

A secret may be given as a file: DATABASE_URL_FILE instead of DATABASE_URL. In production (VOTE_MODE) what isn't fit for
it is a `SettingError`, too: in every process and in the operator's command lines, since all read their settings here.
"""

import dataclasses
import hashlib
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from contract import production
from contract.shown_settings import RememberingEnvironment

Piece = TypeVar("Piece")
_REQUIRED = object()
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")  # in Punycode, as browsers send it
KEY_NO_MAX = (1 << 15) - 1  # a smallint, as events keep it
REHEARSAL_KEYS = 1 << 14  # from this number on they are keys of rehearsals; the table of events says so, too


class SettingError(Exception):
    """A setting is missing or malformed; the message names the variable."""


def setting(  # all that is said of a variable, by keywords
    variable: str,
    default: Any = _REQUIRED,
    parse: Callable[[str], Any] = str,
    unit: str = "",
    *,
    secret: bool = False,
    check: Callable[[Any], None] | None = None,
) -> Any:
    """A dataclass field that is read from `variable`; without a default it must be set.

    A secret may come from the file that `variable`_FILE names. In production `check` refuses a value by ValueError.
    """
    metadata = {
        "variable": variable, "default": default, "parse": parse, "unit": unit, "secret": secret, "check": check,
    }  # fmt: skip
    return dataclasses.field(metadata=metadata)


def read(piece: type[Piece], env: Mapping[str, str]) -> Piece:
    """Build one piece from the environment; raises `SettingError`."""
    strict = piece is not Mode and read(Mode, env).is_production
    if strict:
        _refuse_debugging(env)
    values = {f.name: _value(f.metadata, env, strict=strict) for f in dataclasses.fields(piece)}  # type: ignore[arg-type]  # every piece is a dataclass
    return piece(**values)


def _value(metadata: Mapping[str, Any], env: Mapping[str, str], *, strict: bool) -> Any:
    variable, default = metadata["variable"], metadata["default"]
    text = _secret(variable, env) if metadata["secret"] else env.get(variable, "")
    if not text and default is _REQUIRED:
        raise SettingError(f"{variable} is not set")
    try:
        value = metadata["parse"](text) if text else default
    except (ValueError, OSError) as error:
        raise SettingError(f"{variable} is malformed: {error}") from error
    if strict and metadata["check"]:
        try:
            metadata["check"](value)
        except (ValueError, OSError) as error:
            raise SettingError(f"{variable} is not fit for production: {error}") from error
    if isinstance(env, RememberingEnvironment):
        env.note(variable, text, default, secret=metadata["secret"])
    return value


def _secret(variable: str, env: Mapping[str, str]) -> str:
    text, path = env.get(variable, ""), env.get(f"{variable}_FILE", "")
    if not path:
        return text
    if text:
        raise SettingError(f"{variable} and {variable}_FILE are both set")
    try:
        return Path(path).read_text().strip()
    except (OSError, ValueError) as error:
        raise SettingError(f"{variable}_FILE can't be read: {error}") from error


def _refuse_debugging(env: Mapping[str, str]) -> None:
    named = [name for name in ("PYTHONDEVMODE", "PYTHONASYNCIODEBUG") if env.get(name)]
    if named or sys.flags.dev_mode:
        raise SettingError(f"VOTE_MODE is production, and {', '.join(named) or 'python -X dev'} is for debugging")


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


def event_keys(key_bytes: int) -> Callable[[str], dict[int, bytes]]:
    """As `numbered_keys`, and for each of them the key of rehearsals that follows from it, REHEARSAL_KEYS above it."""
    numbered = numbered_keys(key_bytes)

    def parse(path: str) -> dict[int, bytes]:
        real = numbered(path)
        if max(real) >= REHEARSAL_KEYS:
            raise ValueError(f"key {max(real)}: numbers from {REHEARSAL_KEYS} on are those of rehearsals")
        return real | {number + REHEARSAL_KEYS: _of_rehearsals(key) for number, key in real.items()}

    return parse


def _of_rehearsals(key: bytes) -> bytes:
    return hashlib.blake2b(key=key, digest_size=len(key), person=b"rehearsal").digest()


def _mode(text: str) -> str:
    if text not in ("development", "production"):
        raise ValueError("it must be development or production")
    return text


def _on_or_off(text: str) -> str:
    if text not in ("on", "off"):
        raise ValueError("it must be on or off")
    return text


def share(text: str) -> float:
    """A number from 0 to 1."""
    number = float(text)
    if not 0 <= number <= 1:
        raise ValueError("it must be a number from 0 to 1")
    return number


def origins(text: str) -> tuple[str, ...]:
    """Origins as browsers write them, or "*"."""
    names = _names(text)
    if names != ("*",) and not all(map(_ORIGIN.fullmatch, names)):
        raise ValueError("it must be *, or origins as browsers write them: https://www.show.example")
    return names


def origin(text: str) -> str:
    """One origin, with or without a slash at its end."""
    if not _ORIGIN.fullmatch(text.removesuffix("/")):
        raise ValueError("it must be an origin as browsers write it: https://www.show.example")
    return text.removesuffix("/")


@dataclasses.dataclass(frozen=True, slots=True)
class Mode:
    """In production nothing starts with a demo's secrets, with debugging, or without TLS to other machines."""

    name: str = setting("VOTE_MODE", "development", _mode)

    @property
    def is_production(self) -> bool:
        """Whether what isn't fit for production is refused."""
        return self.name == "production"


@dataclasses.dataclass(frozen=True, slots=True)
class Metering:
    """Whether anything is measured; off takes /metrics and the desk's latencies away, too."""

    word: str = setting("METRICS", "on", _on_or_off)

    @property
    def on(self) -> bool:
        """Whether it is."""
        return self.word == "on"


@dataclasses.dataclass(frozen=True, slots=True)
class CrossOrigin:
    """Whose pages may read answers in a browser: any (*), or those of some origins; tokens are never in cookies."""

    readers: tuple[str, ...] = setting("CORS_ORIGINS", ("*",), origins, "origins")


@dataclasses.dataclass(frozen=True, slots=True)
class Listening:
    """Where a process listens; only the edge is public. Each process adds its own `port`."""

    host: str = setting("BIND_HOST", "127.0.0.1")


@dataclasses.dataclass(frozen=True, slots=True)
class Primary:
    """The Postgres that takes writes, with the login of the process' own role."""

    url: str = setting("DATABASE_URL", secret=True, check=production.certified_postgres)


@dataclasses.dataclass(frozen=True, slots=True)
class Replica:
    """The Postgres that answers reads; a replica in production, by default the primary.

    With `PRIMARY_URL`, of the same login, the primary is asked what mustn't be old: about one's own vote, and about an
    event that is known to have changed, while the replica is behind or away.
    """

    url: str = setting("REPLICA_URL", secret=True, check=production.certified_postgres)
    primary_url: str = setting("PRIMARY_URL", "", secret=True, check=production.certified_postgres_or_none)


@dataclasses.dataclass(frozen=True, slots=True)
class IdentityDatabase:
    """The Postgres of people and sessions, with the login of the process' own role: identity's tables, others' door."""

    url: str = setting("IDENTITY_DATABASE_URL", secret=True, check=production.certified_postgres)


@dataclasses.dataclass(frozen=True, slots=True)
class Redis:
    """The aggregates; may be lost at any moment. `sources` are added up by the readers."""

    url: str = setting("REDIS_URL", secret=True, check=production.certified_redis)
    sources: tuple[str, ...] = setting("SOURCES", ("main",), _names)


@dataclasses.dataclass(frozen=True, slots=True)
class Verification:
    """How access tokens are verified: public keys by URL, and the keys of the voter seed inside them, 32 bytes each."""

    jwks_url: str = setting("JWKS_URL", check=production.certified_http)
    seed_keys: dict[int, bytes] = setting("SEED_KEY_FILE", parse=numbered_keys(32), check=production.real_keys)


@dataclasses.dataclass(frozen=True, slots=True)
class ReceiptKeys:
    """Keys of the vote_id by key_no, 16 bytes each; held by command and query."""

    by_number: dict[int, bytes] = setting("RECEIPT_KEYS_FILE", parse=event_keys(16), check=production.real_keys)


@dataclasses.dataclass(frozen=True, slots=True)
class SealKeys:
    """Keys of the row seals by key_no, 32 bytes each; held by command and the audit tool, never by the database."""

    by_number: dict[int, bytes] = setting("SEAL_KEYS_FILE", parse=event_keys(32), check=production.real_keys)


@dataclasses.dataclass(frozen=True, slots=True)
class ChallengeKeys:
    """Keys of challenges by number, 32 bytes each: identity makes with the newest, identity and command check with all.

    A new number goes to command first; an old one goes once its challenges have expired.
    """

    by_number: dict[int, bytes] = setting("CHALLENGE_KEY_FILE", parse=numbered_keys(32), check=production.real_keys)
