"""Rings when the standings of an event have changed: one Redis subscription per process, whatever the number of events.

A message is only a bell: who hears it reads the state, and an event that has changed since is read anew. So a message
that is lost, late or doubled costs nothing but time, and a sweep reads again each second anyway. After every confirmed
subscription all events ring, since whatever changed before was not heard.

    subscribing ──confirmed: ring all──► listening ──silence: ping──► listening
         ▲                                   │
         └────── after a while, jittered ────┘ connection lost, or no answer to the ping
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import redis.asyncio
from redis.exceptions import RedisError

from contract.backoff import jittered
from contract.redis_keys import STANDINGS_CHANNEL

SILENCE_S = 5
HEARS_WITHIN_S = 2 * SILENCE_S + 1  # a silence, an unanswered ping
RETRY_S = 0.75

log = logging.getLogger(__name__)


class _Ring(msgspec.Struct):
    """All that matters here of a `SourceTally` or `TracedTally`."""

    event_id: str
    change_no: int = 0
    traces: list[str] = []  # of some votes that are new in it


class StandingsBell:
    """Tells `hear` an event_id and the number of its newest change, `trace` its id and traceparents if there are any,
    then `ring` the id, or None for all.

    `run` is its task.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        hear: Callable[[str, int], None],
        ring: Callable[[str | None], None] = lambda _: None,
        trace: Callable[[str, Sequence[str]], None] = lambda _, __: None,
    ) -> None:
        self._client = client
        self._hear_change = hear
        self._ring = ring
        self._trace = trace
        self._heard_at = -math.inf
        self._decoder = msgspec.json.Decoder(_Ring)

    @property
    def hears(self) -> bool:
        """Whether a change that is told now would be heard: something was, not long ago."""
        return time.monotonic() - self._heard_at < HEARS_WITHIN_S

    async def run(self) -> None:
        """Listen for ever."""
        while True:
            try:
                await self._listen()
            except (RedisError, OSError, TimeoutError, msgspec.MsgspecError) as error:
                self._heard_at = -math.inf
                log.warning("the subscription broke, subscribing again", extra={"reason": str(error)})
            await asyncio.sleep(jittered(RETRY_S))

    async def _listen(self) -> None:
        async with self._client.pubsub() as pubsub:
            await pubsub.subscribe(STANDINGS_CHANNEL)
            silent = False
            while True:
                message = await pubsub.get_message(timeout=SILENCE_S)
                if message is not None:
                    silent = False
                    self._heard_at = time.monotonic()
                    self._hear(message)
                elif silent:
                    return
                else:
                    silent = True
                    await pubsub.ping()

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            self._ring(None)
        elif message["type"] == "message":
            change = self._decoder.decode(message["data"])
            self._hear_change(change.event_id, change.change_no)
            if change.traces:
                self._trace(change.event_id, change.traces)
            self._ring(change.event_id)
