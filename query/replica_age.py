"""How far the replica is behind the primary: so what is read there is marked, and one's own vote is asked elsewhere.

A replica knows when the last commit that it replayed was made. That says nothing while the primary is idle, so it
counts only while something that came is still to be replayed, or while nothing comes at all: then it is what readers
have to assume. Each answer of the reading process carries it in X-Replica-Behind, in whole seconds, once it is more
than what makes numbers stale (STALE_AFTER_MS).
"""

import asyncio
import time

from prometheus_client import Gauge

from contract import metric_names
from contract.errors import Busy
from query.replica_reader import ReplicaReader

LOOK_EVERY_S = 1.0
BEHIND = Gauge(metric_names.REPLICA_BEHIND_SECONDS, "How old what the replica shows is, in seconds; 0: up to date")


class ReplicaAge:
    """Looks each second. While the replica is away, what was read there before is shown on, and grows older."""

    def __init__(self, replica: ReplicaReader, stale_after_s: float) -> None:
        self._replica = replica
        self._stale_after_s = stale_after_s
        self._behind_s = 0.0  # at the last look that was answered
        self._looked_at = time.monotonic()
        self._is_away = False

    @property
    def is_stale(self) -> bool:
        """Whether what the replica doesn't show may have been there for long."""
        return self._now_s() > self._stale_after_s

    @property
    def seconds(self) -> int:
        """How old it is, for people."""
        return int(self._now_s())

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                self._behind_s = await self._replica.behind_s()
            except Busy:
                self._is_away = True
            else:
                self._looked_at, self._is_away = time.monotonic(), False
            BEHIND.set(self._now_s())
            await asyncio.sleep(LOOK_EVERY_S)

    def _now_s(self) -> float:
        return self._behind_s + (time.monotonic() - self._looked_at if self._is_away else 0.0)
