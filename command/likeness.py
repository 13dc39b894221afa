"""Names that look alike: accounts' all over the world, contestants' within their event. Pure."""

import disarm


def skeleton_of(name: str) -> str:
    """What names have in common that look alike, whatever scripts their letters are from (Unicode's TR 39)."""
    return disarm.skeleton_key(name) or name.casefold()
