"""What every process says of itself at /ready, and at /live.

Ready: it can do its work now, so traffic may come. Alive: it goes on, so a restart would mend nothing; whoever it
depends on plays no part, and it is slow to say no.
"""

import msgspec


class Readiness(msgspec.Struct):
    """Whether traffic may come here; `why_not` is for people, "" when it may."""

    ready: bool
    why_not: str


class Liveness(msgspec.Struct):
    """Whether the process goes on; one that doesn't answer at all does not."""

    alive: bool


def readiness(why_not: str) -> tuple[int, Readiness]:
    """The HTTP status and the answer for this reason, or "" ."""
    return 503 if why_not else 200, Readiness(not why_not, why_not)
