"""When the totals of an event reached the subscribers of Redis."""

import bisect
import threading
import time
from collections.abc import Sequence
from typing import Self

import msgspec
import redis

from contract.redis_keys import STANDINGS_CHANNEL
from contract.standings import SourceTally
from ops.rig.eventually import eventually


class TallyWatch:
    """Notes each total of one event that is published during its block, with its time of arrival (monotonic)."""

    def __init__(self, redis_url: str, event_id: str) -> None:
        self._event_id = event_id
        self._client = redis.Redis.from_url(redis_url, protocol=2)
        self._subscribed, self._done = threading.Event(), threading.Event()
        self._totals, self._arrivals = [0], [0.0]
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        eventually(self._subscribed.is_set, "subscribed")
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._client.close()

    def wait_for(self, total: int) -> None:
        """Return once so many votes were shown."""
        eventually(lambda: self._totals[-1] >= total, f"{total} votes are shown")

    def seen_at(self, totals: Sequence[int]) -> list[float]:
        """When each of these totals, or more, first arrived."""
        return [self._arrivals[bisect.bisect_left(self._totals, total)] for total in totals]

    def _watch(self) -> None:
        decoder = msgspec.json.Decoder(SourceTally)
        with self._client.pubsub() as subscription:  # type: ignore[no-untyped-call]
            subscription.subscribe(STANDINGS_CHANNEL)
            while not self._done.is_set():
                message = subscription.get_message(timeout=0.1)
                if message and message["type"] == "subscribe":
                    self._subscribed.set()
                elif message and (tally := decoder.decode(message["data"])).event_id == self._event_id:
                    self._totals.append(sum(tally.counts.values()))
                    self._arrivals.append(time.monotonic())
