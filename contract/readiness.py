"""What every process says of itself at /ready."""

import msgspec


class Readiness(msgspec.Struct):
    """Whether traffic may come here; `why_not` is for people, "" when it may."""

    ready: bool
    why_not: str


def readiness(why_not: str) -> tuple[int, Readiness]:
    """The HTTP status and the answer for this reason, or "" ."""
    return 503 if why_not else 200, Readiness(not why_not, why_not)
