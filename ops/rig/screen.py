"""A screen that sees all that is published."""

import contextlib
import threading
import time
from collections.abc import Iterator

import msgspec
import redis

from contract.redis_keys import STANDINGS_CHANNEL
from contract.standings import SourceTally
from ops.rig.eventually import PATIENCE_S


class Screen:
    """Sees every tally that is published, from now until it is closed, and notes what must not happen."""

    def __init__(self, redis_url: str) -> None:
        self.seen: list[SourceTally] = []
        self.arrivals: list[float] = []  # when each of them came (monotonic)
        self.falls: list[tuple[SourceTally, SourceTally]] = []
        self._url = redis_url
        self._stop = threading.Event()
        self._subscribed = threading.Event()

    @contextlib.contextmanager
    def watching(self) -> Iterator["Screen"]:
        """Watch during the block; survives the absence of Redis."""
        thread = threading.Thread(target=self._run)
        thread.start()
        assert self._subscribed.wait(PATIENCE_S)
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(redis.RedisError), redis.Redis.from_url(self._url) as client:
                self._watch(client)
            self._stop.wait(0.05)

    def _watch(self, client: redis.Redis) -> None:
        with client.pubsub() as subscription:  # type: ignore[no-untyped-call]  # redis-py gives it no types
            subscription.subscribe(STANDINGS_CHANNEL)
            while not self._stop.is_set():
                message = subscription.get_message(timeout=0.1)
                if message and message["type"] == "subscribe":
                    self._subscribed.set()
                elif message:
                    self._note(msgspec.json.decode(message["data"], type=SourceTally))

    def _note(self, tally: SourceTally) -> None:
        before = next((seen for seen in reversed(self.seen) if self._same(seen, tally)), tally)
        older = (tally.epoch, tally.lsn) < (before.epoch, before.lsn)
        if older or any(tally.counts.get(no, 0) < votes for no, votes in before.counts.items()):
            self.falls.append((before, tally))
        self.arrivals.append(time.monotonic())
        self.seen.append(tally)

    @staticmethod
    def _same(one: SourceTally, other: SourceTally) -> bool:
        return (one.event_id, one.source) == (other.event_id, other.source)
