"""What only the identity process is told."""

import dataclasses
from pathlib import Path

from contract.settings import Listening, hex_key, numbered_keys, setting


@dataclasses.dataclass(frozen=True, slots=True)
class IdentityListening(Listening):
    """Where this process listens."""

    port: int = setting("IDENTITY_PORT", 8101, int)


@dataclasses.dataclass(frozen=True, slots=True)
class Signing:
    """What only identity holds: the private keys that sign access tokens, and the key that refresh tokens come from."""

    key_folder: Path = setting("SIGNING_KEY_FOLDER", parse=Path)
    key_overlap_seconds: int = setting("SIGNING_KEY_OVERLAP_SECONDS", 86_400, int, "s")
    refresh_key: bytes = setting("REFRESH_KEY_FILE", parse=hex_key)
    seed_keys: dict[int, bytes] = setting("SEED_KEY_FILE", parse=numbered_keys(32))
    access_seconds: int = setting("ACCESS_TOKEN_SECONDS", 900, int, "s")
    refresh_seconds: int = setting("REFRESH_TOKEN_SECONDS", 30 * 86_400, int, "s")
    client_seconds: int = setting("CLIENT_TOKEN_SECONDS", 365 * 86_400, int, "s")
    password_hashes_max: int = setting("PASSWORD_HASHES_MAX", 2, int, "at once")
    password_queue_max: int = setting("PASSWORD_QUEUE_MAX", 128, int, "waiting")
    password_queue_per_address_max: int = setting("PASSWORD_QUEUE_PER_ADDRESS_MAX", 32, int, "waiting")
