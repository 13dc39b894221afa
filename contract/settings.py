"""Settings: read once from the environment into small frozen pieces.

Each field names its variable, its default and its unit; a missing or malformed one is a `SettingError`
with one clear line, raised by the composition root before anything is opened.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

Piece = TypeVar("Piece")
_REQUIRED = object()


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


def _hex_file(path: str) -> bytes:
    return bytes.fromhex(Path(path).read_text(encoding="ascii").strip())


def _key_file(path: str) -> dict[int, bytes]:
    """A JSON object {"key_no": hex}: one key per generation, the highest is given to new events."""
    content = json.loads(Path(path).read_text(encoding="ascii"))
    return {int(number): bytes.fromhex(key) for number, key in content.items()}


@dataclasses.dataclass(frozen=True, slots=True)
class Ports:
    """Where each process listens; only the edge is public."""

    bind_host: str = setting("BIND_HOST", "127.0.0.1")
    identity: int = setting("IDENTITY_PORT", 8101, int)
    command: int = setting("COMMAND_PORT", 8102, int)
    query: int = setting("QUERY_PORT", 8103, int)
    sse: int = setting("SSE_PORT", 8104, int)
    fanout: int = setting("FANOUT_PORT", 8105, int)


@dataclasses.dataclass(frozen=True, slots=True)
class Primary:
    """The Postgres that takes writes, with the login of the process' own role."""

    url: str = setting("DATABASE_URL")


@dataclasses.dataclass(frozen=True, slots=True)
class Replica:
    """The Postgres that answers reads; a replica in production, by default the primary."""

    url: str = setting("REPLICA_URL")


@dataclasses.dataclass(frozen=True, slots=True)
class Redis:
    """The aggregates; may be lost at any moment. `sources` are added up by the readers."""

    url: str = setting("REDIS_URL")
    sources: tuple[str, ...] = setting("SOURCES", ("main",), _names)


@dataclasses.dataclass(frozen=True, slots=True)
class Verification:
    """How access tokens are verified: public keys by URL, and the key of the voter seed inside them."""

    jwks_url: str = setting("JWKS_URL")
    seed_key: bytes = setting("SEED_KEY_FILE", parse=_hex_file)


@dataclasses.dataclass(frozen=True, slots=True)
class Signing:
    """What only identity holds: the private key that signs access tokens."""

    key_file: Path = setting("SIGNING_KEY_FILE", parse=Path)
    seed_key: bytes = setting("SEED_KEY_FILE", parse=_hex_file)
    access_seconds: int = setting("ACCESS_TOKEN_SECONDS", 900, int, "s")
    refresh_seconds: int = setting("REFRESH_TOKEN_SECONDS", 30 * 86_400, int, "s")
    client_seconds: int = setting("CLIENT_TOKEN_SECONDS", 365 * 86_400, int, "s")
    password_hashes_max: int = setting("PASSWORD_HASHES_MAX", 2, int, "at once")
    password_queue_max: int = setting("PASSWORD_QUEUE_MAX", 64, int, "waiting")


@dataclasses.dataclass(frozen=True, slots=True)
class ReceiptKeys:
    """Keys of the vote_id by key_no, 16 bytes each; held by command and query."""

    by_number: dict[int, bytes] = setting("RECEIPT_KEYS_FILE", parse=_key_file)


@dataclasses.dataclass(frozen=True, slots=True)
class SealKeys:
    """Keys of the row seals by key_no, 32 bytes each; held by command and the audit tool, never by the database."""

    by_number: dict[int, bytes] = setting("SEAL_KEYS_FILE", parse=_key_file)


@dataclasses.dataclass(frozen=True, slots=True)
class Batching:
    """Limits of the voting path. Overflow of the queue is 503 `busy`, of the deadline 503 `not_durable`."""

    queue_votes_max: int = setting("QUEUE_VOTES_MAX", 20_000, int, "votes")
    batch_votes_max: int = setting("BATCH_VOTES_MAX", 500, int, "votes")
    writers: int = setting("WRITERS", 3, int, "connections")
    deadline_ms: int = setting("VOTE_DEADLINE_MS", 5_000, int, "ms")
    lock_timeout_ms: int = setting("LOCK_TIMEOUT_MS", 2_000, int, "ms")
    events_max: int = setting("EVENTS_CACHED_MAX", 10_000, int, "events")


@dataclasses.dataclass(frozen=True, slots=True)
class Fanout:
    """The reader of one source's WAL."""

    source: str = setting("SOURCE_NAME", "main")
    slot: str = setting("SLOT_NAME", "fanout_main")
    flush_ms: int = setting("FLUSH_MS", 40, int, "ms")
    checkpoint_ms: int = setting("CHECKPOINT_MS", 1_000, int, "ms")
    idle_checkpoint_ms: int = setting("IDLE_CHECKPOINT_MS", 10_000, int, "ms")


@dataclasses.dataclass(frozen=True, slots=True)
class Streaming:
    """Limits of the stream server."""

    clients_max: int = setting("STREAM_CLIENTS_MAX", 10_000, int, "clients")
    push_every_ms: int = setting("STREAM_PUSH_EVERY_MS", 50, int, "ms")
    clients_per_address_max: int = setting("STREAM_CLIENTS_PER_ADDRESS_MAX", 2_000, int, "clients")
    heartbeat_ms: int = setting("STREAM_HEARTBEAT_MS", 15_000, int, "ms")
    lifetime_ms: int = setting("STREAM_LIFETIME_MS", 1_800_000, int, "ms")
    stalled_ms: int = setting("STREAM_STALLED_MS", 15_000, int, "ms")
    drain_ms: int = setting("STREAM_DRAIN_MS", 5_000, int, "ms")
    stale_after_ms: int = setting("STALE_AFTER_MS", 3_000, int, "ms")
