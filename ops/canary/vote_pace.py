"""When the next synthetic vote is due. Pure."""

import random


class VotePace:
    """So many an hour, unevenly, as people vote; None: as fast as there is room.

    What couldn't be sent in its time is not made up for: after a pause votes come at the usual pace.
    """

    def __init__(self, per_hour: int | None, now: float) -> None:
        self._every_s = 3600 / per_hour if per_hour else 0.0
        self._due = now

    def wait_s(self, now: float) -> float:
        """How long to wait before the next one; counts it."""
        wait_s = max(0.0, self._due - now)
        self._due = max(self._due, now) + self._every_s * random.uniform(0.5, 1.5)  # noqa: S311  # no secret
        return wait_s
