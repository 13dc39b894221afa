"""What only the program of synthetic votes is told."""

import dataclasses
from pathlib import Path

from contract import production
from contract.settings import Listening, origin, setting


def at_least_one(text: str) -> int:
    """A number that isn't nothing; ValueError."""
    number = int(text)
    if number < 1:
        raise ValueError("it must be 1 or more")
    return number


@dataclasses.dataclass(frozen=True, slots=True)
class Probing(Listening):
    """Synthetic votes: through which edge, how often, by which canaries, and when one of them counts as lost.

    Metrics are served at `host` and `port`. The leaderboard is asked every so often while a vote is awaited on it: so
    exactly its time is known. One vote of so many asks for a trace.
    """

    url: str = setting("SYNTHETIC_URL", "http://127.0.0.1:8080", origin, check=production.certified_http)
    file: Path = setting("CANARIES_FILE", parse=Path)
    per_hour: int = setting("SYNTHETIC_PER_HOUR", 1_000, at_least_one, "votes")
    port: int = setting("SYNTHETIC_PORT", 8107, int)
    ack_within_ms: int = setting("SYNTHETIC_ACK_WITHIN_MS", 10_000, at_least_one, "ms")
    seen_within_ms: int = setting("SYNTHETIC_SEEN_WITHIN_MS", 10_000, at_least_one, "ms, after the ack")
    board_every_ms: int = setting("SYNTHETIC_LEADERBOARD_EVERY_MS", 50, at_least_one, "ms")
    traced_one_in: int = setting("SYNTHETIC_TRACED_ONE_IN", 1, at_least_one, "votes")
