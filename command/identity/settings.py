"""What only the identity process is told."""

import dataclasses
from pathlib import Path
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from limits import RateLimitItem, parse

from command.identity.issuers import Issuer, load_issuers, public_issuers
from command.identity.name_cohort import cohort_key
from contract import production
from contract.settings import Listening, SettingError, hex_key, numbered_keys, origins, setting

TLS_KINDS = ("starttls", "tls", "none")


def _one_line(path: str) -> str:
    return Path(path).read_text(encoding="utf-8").strip()


def _kind_of_tls(text: str) -> str:
    if text not in TLS_KINDS:
        raise ValueError(f"it must be one of {', '.join(TLS_KINDS)}")
    return text


def _address(text: str) -> str:
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error


def _web_address(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("https", "http") or not url.hostname or url.query or url.fragment or not text.isprintable():
        raise ValueError("it must be the address of a web site")
    return text.rstrip("/")


@dataclasses.dataclass(frozen=True, slots=True)
class IdentityListening(Listening):
    """Where this process listens."""

    port: int = setting("IDENTITY_PORT", 8101, int)


@dataclasses.dataclass(frozen=True, slots=True)
class Attempts:
    """How often somebody may try, in sliding windows. An address is an IPv4 address or an IPv6 /64.

    A whole hall may be behind one address. Without REDIS_URL nothing is counted.
    """

    redis_url: str = setting("REDIS_URL", "", secret=True, check=production.certified_redis)
    logins_per_account: RateLimitItem = setting("LOGINS_PER_ACCOUNT", parse("10 per 15 minutes"), parse)
    logins_per_address: RateLimitItem = setting("LOGINS_PER_ADDRESS", parse("300 per 1 minute"), parse)
    registrations_per_address: RateLimitItem = setting("REGISTRATIONS_PER_ADDRESS", parse("300 per 1 hour"), parse)


@dataclasses.dataclass(frozen=True, slots=True)
class Retention:
    """How long personal data is kept. `key` makes the hashes that keep an erased person from voting again."""

    key: bytes = setting("ERASURE_KEY_FILE", parse=hex_key, check=production.real_key)
    erased_seconds: int = setting("ERASED_KEPT_SECONDS", 30 * 86_400, int, "s; longer than any event is open")
    unused_seconds: int = setting("UNUSED_ACCOUNT_KEPT_SECONDS", 730 * 86_400, int, "s")


def _niceness(text: str) -> int:
    if not 0 <= int(text) <= 19:
        raise ValueError("it must be from 0 to 19")
    return int(text)


@dataclasses.dataclass(frozen=True, slots=True)
class Signing:
    """What only identity holds: the private keys that sign access tokens, and the key that refresh tokens come from.

    A hash takes memory's bandwidth from whatever else runs here, so fewer are made at once than there are cores. Its
    niceness is the event loop's, and that of its session if it is alone there: a tenth of a core that others want, too.
    """

    key_folder: Path = setting("SIGNING_KEY_FOLDER", parse=Path, check=production.real_signing_keys)
    key_overlap_seconds: int = setting("SIGNING_KEY_OVERLAP_SECONDS", 86_400, int, "s")
    refresh_key: bytes = setting("REFRESH_KEY_FILE", parse=hex_key, check=production.real_key)
    seed_keys: dict[int, bytes] = setting("SEED_KEY_FILE", parse=numbered_keys(32), check=production.real_keys)
    access_seconds: int = setting("ACCESS_TOKEN_SECONDS", 900, int, "s")
    refresh_seconds: int = setting("REFRESH_TOKEN_SECONDS", 30 * 86_400, int, "s")
    client_seconds: int = setting("CLIENT_TOKEN_SECONDS", 365 * 86_400, int, "s")
    password_hashes_max: int = setting("PASSWORD_HASHES_MAX", 1, int, "at once")
    niceness: int = setting("IDENTITY_NICENESS", 10, _niceness, "0 to 19")
    password_queue_max: int = setting("PASSWORD_QUEUE_MAX", 128, int, "waiting")
    password_queue_per_address_max: int = setting("PASSWORD_QUEUE_PER_ADDRESS_MAX", 32, int, "waiting")

    @property
    def cohort_key(self) -> bytes:
        """What names are hashed with, 32 bytes."""
        return cohort_key(self.refresh_key)


def _positive(text: str) -> int:
    if int(text) <= 0:
        raise ValueError("it must be 1 or more")
    return int(text)


def _iterations(text: str) -> int:
    if not 0 < int(text) <= 10_000:
        raise ValueError("it must be from 1 to 10000: making a challenge costs so much here, too")
    return int(text)


def _tries(text: str) -> int:
    if not 0 < int(text) <= 1_000_000:
        raise ValueError("it must be from 1 to 1000000")
    return int(text)


@dataclasses.dataclass(frozen=True, slots=True)
class ChallengeEffort:
    """How much work a challenge asks for: half of the tries to all of them, each so many iterations of PBKDF2-SHA-256.

    In the last window a network (an IPv4 address, an IPv6 /64) gets so many easy ones; with twice as many they are
    twice as hard, up to `harder_max` times, and beyond `network_max` there are none (429). What all networks get makes
    them harder for all, up to `harder_in_all_max` times. Each process counts for itself. 750 tries of 1000 iterations
    are a fifth of a second of one core of a server.
    """

    iterations: int = setting("CHALLENGE_ITERATIONS", 1_000, _iterations, "a try")
    tries_max: int = setting("CHALLENGE_TRIES", 1_000, _tries, "tries")
    lifetime_s: int = setting("CHALLENGE_SECONDS", 600, int, "s")
    window_s: int = setting("CHALLENGE_WINDOW_SECONDS", 60, _positive, "s")
    network_easy: int = setting("CHALLENGES_EASY_PER_NETWORK", 60, _positive, "in a window")
    network_max: int = setting("CHALLENGES_PER_NETWORK_MAX", 1_200, int, "in a window")
    easy_in_all: int = setting("CHALLENGES_EASY_IN_ALL", 6_000, _positive, "in a window")
    harder_max: int = setting("CHALLENGE_HARDER_MAX", 32, _positive, "times")
    harder_in_all_max: int = setting("CHALLENGE_HARDER_IN_ALL_MAX", 4, int, "times")
    networks_max: int = setting("CHALLENGE_NETWORKS_MAX", 65_536, int, "remembered")


@dataclasses.dataclass(frozen=True, slots=True)
class Registering:
    """Who may register, and how long the token of a solved challenge may be used for it."""

    min_age_years: int = setting("MIN_AGE_YEARS", 0, int, "years")
    solved_seconds: int = setting("CHALLENGE_TOKEN_SECONDS", 900, int, "s")


def _whether_required(text: str) -> str:
    if text not in ("required", "offered"):
        raise ValueError("it must be required or offered")
    return text


def _required(text: str) -> None:
    if text != "required":
        raise ValueError("it must be required")


def _page_origins(text: str) -> tuple[str, ...]:
    found = origins(text)
    if "*" in found:
        raise ValueError("it must be origins")
    return found


def _secure_origins(found: tuple[str, ...]) -> None:
    if not all(each.startswith("https://") for each in found):
        raise ValueError("https:// is needed")


@dataclasses.dataclass(frozen=True, slots=True)
class StaffLogin:
    """Whether hosts, admins and auditors must show a second factor: a code of an app (TOTP), or a passkey.

    `required`: tokens name no role of staff until one was shown. `offered`: only those are asked who have set one up.
    """

    second_factor: str = setting("STAFF_SECOND_FACTOR", "required", _whether_required, check=_required)

    @property
    def is_strict(self) -> bool:
        """Whether nobody is of the staff by a password alone."""
        return self.second_factor == "required"


@dataclasses.dataclass(frozen=True, slots=True)
class SecondFactors:
    """How second factors work: keys (32 bytes by number) encrypt the apps' secrets in Postgres.

    Passkeys are for the pages of these origins,
    and belong to PASSKEY_DOMAIN, by default the first one's host; without origins there are none. Apps show the name.
    """

    keys: dict[int, bytes] = setting("SECOND_FACTOR_KEY_FILE", parse=numbered_keys(32), check=production.real_keys)
    origins: tuple[str, ...] = setting("PASSKEY_ORIGINS", (), _page_origins, check=_secure_origins)
    domain: str = setting("PASSKEY_DOMAIN", "")
    name: str = setting("SECOND_FACTOR_NAME", "Live vote")

    @property
    def rp_id(self) -> str:
        """Whose passkeys they are."""
        return self.domain or urlsplit(self.origins[0]).hostname or ""


@dataclasses.dataclass(frozen=True, slots=True)
class OutsideIdentities:
    """Which OpenID Connect issuers' people may come in: a TOML file as in command/identity/issuers.py; none: nobody."""

    issuers: tuple[Issuer, ...] = setting("OIDC_ISSUERS_FILE", (), load_issuers, check=public_issuers)


@dataclasses.dataclass(frozen=True, slots=True)
class Smtp:
    """How mails that confirm addresses are sent: without a host none is. SMTP_SECURITY is starttls, tls or none.

    PUBLIC_URL is where people reach the edge: links in mails lead there.
    """

    host: str = setting("SMTP_HOST", "")
    port: int = setting("SMTP_PORT", 587, int)
    security: str = setting("SMTP_SECURITY", "starttls", _kind_of_tls, check=production.encrypted_mail)
    user: str = setting("SMTP_USER", "")
    password: str = setting("SMTP_PASSWORD_FILE", "", _one_line)
    sender: str = setting("MAIL_FROM", "", _address)
    public_url: str = setting("PUBLIC_URL", "", _web_address)

    def check(self) -> None:
        """Raise `SettingError` when what a host needs isn't set, or a password would travel in the clear."""
        if not self.host:
            return
        for name, value in (("MAIL_FROM", self.sender), ("PUBLIC_URL", self.public_url)):
            if not value:
                raise SettingError(f"{name} is not set, and SMTP_HOST is")
        if self.user and self.security == "none":
            raise SettingError("SMTP_SECURITY is none: SMTP_USER would send a password in the clear")
