"""What only the command process is told."""

import dataclasses
from pathlib import Path

from limits import RateLimitItem, parse

from contract import production
from contract.settings import Listening, SettingError, setting

SITEVERIFY = {
    "turnstile": "https://challenges.cloudflare.com/turnstile/v0/siteverify",
    "hcaptcha": "https://api.hcaptcha.com/siteverify",
    "recaptcha": "https://www.google.com/recaptcha/api/siteverify",
}


@dataclasses.dataclass(frozen=True, slots=True)
class CommandListening(Listening):
    """Where this process listens."""

    port: int = setting("COMMAND_PORT", 8102, int)


@dataclasses.dataclass(frozen=True, slots=True)
class Batching:
    """Limits of the voting path. Overflow of the queue is 503 `busy`, of the deadline 503 `not_durable`.

    A batch without an answer for `late_ms` no longer holds its event's next one back.
    """

    queue_votes_max: int = setting("QUEUE_VOTES_MAX", 20_000, int, "votes")
    batch_votes_max: int = setting("BATCH_VOTES_MAX", 500, int, "votes")
    writers: int = setting("WRITERS", 3, int, "connections")
    late_ms: int = setting("BATCH_LATE_MS", 250, int, "ms")
    deadline_ms: int = setting("VOTE_DEADLINE_MS", 5_000, int, "ms")
    events_max: int = setting("EVENTS_CACHED_MAX", 10_000, int, "events")

    @property
    def event_batches_max(self) -> int:
        """How many writers one event may keep busy: of more than two, one is for the others."""
        return max(self.writers - 1, min(self.writers, 2))


@dataclasses.dataclass(frozen=True, slots=True)
class Regions:
    """The path of a MaxMind database of countries, read at the start; without one no vote has a region."""

    database: str = setting("REGION_DATABASE", "")


@dataclasses.dataclass(frozen=True, slots=True)
class FraudRules:
    """The fraud rules: a TOML file, those that are `shipped`, or `off`.

    What they count is shared with the other command processes by Redis, if there is one. Memory is bounded: of what
    goes beyond, the oldest is forgotten, and evidence dropped.
    """

    file: str = setting("FRAUD_RULES_FILE", "shipped")
    redis_url: str = setting("REDIS_URL", "", secret=True, check=production.certified_redis)
    keys_max: int = setting("FRAUD_KEYS_MAX", 400_000, int, "counts")
    voters_max: int = setting("FRAUD_VOTERS_MAX", 400_000, int, "voters")
    evidence_votes_max: int = setting("EVIDENCE_QUEUE_MAX", 50_000, int, "votes")


def _pace(text: str) -> RateLimitItem:
    pace = parse(text)
    if pace.amount < 1:
        raise ValueError("it must be 1 or more")
    return pace


@dataclasses.dataclass(frozen=True, slots=True)
class VoteLimiting:
    """How often votes may be sent, in sliding windows; beyond, they are told to come later: 429 with Retry-After.

    An address is an IPv4 address or an IPv6 /64, and counts accounts, not their retries. A carrier's phones may all be
    behind one: it has fewer ports than its limit is by default. The command processes share what they count of accounts
    by Redis, if there is one; of addresses each counts what comes to it, so that a retry elsewhere doesn't count twice.
    """

    redis_url: str = setting("REDIS_URL", "", secret=True, check=production.certified_redis)
    per_account: RateLimitItem = setting("VOTES_PER_ACCOUNT", parse("60 per 1 minute"), _pace)
    per_address: RateLimitItem = setting("VOTES_PER_ADDRESS", parse("100000 per 1 minute"), _pace)
    keys_max: int = setting("VOTE_LIMIT_KEYS_MAX", 200_000, int, "accounts, and as many addresses")


@dataclasses.dataclass(frozen=True, slots=True)
class Changes:
    """How long staff wait for a change of an event; after that it is 503 `not_durable`, and may be asked for again."""

    deadline_ms: int = setting("CHANGE_DEADLINE_MS", 10_000, int, "ms")


@dataclasses.dataclass(frozen=True, slots=True)
class Hearing:
    """How long the answer to a click that hides something waits for readers: until fanout is beyond it, which says in
    Redis how far it has read this `source`, or the time is over.
    """

    redis_url: str = setting("REDIS_URL", "", secret=True, check=production.certified_redis)
    source: str = setting("SOURCE_NAME", "main")
    wait_ms: int = setting("HEARING_WAIT_MS", 1_000, int, "ms")


def _durable(level: str) -> str:
    if level not in ("on", "remote_apply"):
        raise ValueError(f"it must be on or remote_apply, not {level}")
    return level


@dataclasses.dataclass(frozen=True, slots=True)
class Commit:
    """How a writer's COMMIT waits: the database's synchronous_commit, and for the event's lock.

    A connection without an answer for `silence_ms` is replaced by another, once.
    """

    level: str = setting("SYNCHRONOUS_COMMIT", "on", _durable)
    lock_timeout_ms: int = setting("LOCK_TIMEOUT_MS", 2_000, int, "ms")
    silence_ms: int = setting("COMMIT_SILENCE_MS", 30_000, int, "ms")


def _provider(name: str) -> str:
    if name != "altcha" and name not in SITEVERIFY:
        raise ValueError(f"it must be altcha, {', '.join(SITEVERIFY)}, not {name}")
    return name


def _when_away(word: str) -> str:
    if word not in ("open", "closed"):
        raise ValueError(f"it must be open or closed, not {word}")
    return word


def _secret(path: str) -> str:
    secret = Path(path).read_text(encoding="ascii").strip()
    if not secret:
        raise ValueError("it is empty")
    return secret


@dataclasses.dataclass(frozen=True, slots=True)
class Captcha:
    """What a vote's captcha_token is, where one is asked for: altcha (a solved challenge of identity's), or a
    provider's, who is asked about each: turnstile, hcaptcha, recaptcha.

    A provider needs a secret. One who doesn't answer in time: votes that need a captcha are 503 `busy` (closed), or
    taken without one (open).
    """

    provider: str = setting("CAPTCHA_PROVIDER", "altcha", _provider)
    secret: str = setting("CAPTCHA_SECRET_FILE", "", _secret, check=production.real_secret)
    url: str = setting("CAPTCHA_URL", "", check=production.certified_http)
    timeout_ms: int = setting("CAPTCHA_TIMEOUT_MS", 2_000, int, "ms")
    checks_max: int = setting("CAPTCHA_CHECKS_MAX", 200, int, "at once")
    when_away: str = setting("CAPTCHA_WHEN_AWAY", "closed", _when_away)

    @property
    def address(self) -> str:
        """Where a provider's tokens are checked: its own, unless another is set."""
        return self.url or SITEVERIFY[self.provider]

    def check(self) -> None:
        """Raise `SettingError` for a provider without a secret."""
        if self.provider != "altcha" and not self.secret:
            raise SettingError(f"CAPTCHA_SECRET_FILE is not set, and {self.provider} needs one")
