"""Challenges as clients solve them."""

from typing import Any

import altcha


def solve(challenge: dict[str, Any]) -> str:
    """The payload that ALTCHA's widget would send for a challenge, as the server's JSON has it."""
    given = altcha.Challenge.from_dict(challenge)
    solution = altcha.solve_challenge(given)
    assert solution is not None
    return altcha.Payload(given, solution).to_base64()
