"""What only the identity process is told."""

import dataclasses
from pathlib import Path

from limits import RateLimitItem, parse

from contract.settings import Listening, hex_key, numbered_keys, setting


@dataclasses.dataclass(frozen=True, slots=True)
class IdentityListening(Listening):
    """Where this process listens."""

    port: int = setting("IDENTITY_PORT", 8101, int)


@dataclasses.dataclass(frozen=True, slots=True)
class Attempts:
    """How often somebody may try, in sliding windows. An address is an IPv4 address or an IPv6 /64.

    A whole hall may be behind one address. Without REDIS_URL nothing is counted.
    """

    redis_url: str = setting("REDIS_URL", "")
    logins_per_account: RateLimitItem = setting("LOGINS_PER_ACCOUNT", parse("10 per 15 minutes"), parse)
    logins_per_address: RateLimitItem = setting("LOGINS_PER_ADDRESS", parse("300 per 1 minute"), parse)
    registrations_per_address: RateLimitItem = setting("REGISTRATIONS_PER_ADDRESS", parse("300 per 1 hour"), parse)


@dataclasses.dataclass(frozen=True, slots=True)
class Retention:
    """How long personal data is kept. `key` makes the hashes that keep an erased person from voting again."""

    key: bytes = setting("ERASURE_KEY_FILE", parse=hex_key)
    erased_seconds: int = setting("ERASED_KEPT_SECONDS", 30 * 86_400, int, "s; longer than any event is open")
    unused_seconds: int = setting("UNUSED_ACCOUNT_KEPT_SECONDS", 730 * 86_400, int, "s")


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
