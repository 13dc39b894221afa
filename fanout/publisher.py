"""Publishes a session's tally: writes it to Redis at its pace, and says in `Vitals` whether it gets there.

    due ─► write ─┬─► written: the next one at the pace
                  └─► Redis failed: again after a pause, longer each time

Nothing is published before the WAL position that was read at the start is counted: so a replay shows no old number.
"""

import logging
import math
import time
from collections.abc import Callable

import redis

from contract import stages
from contract.backoff import Backoff
from contract.tracing import TRACER, Attributes, Span
from fanout import vitals
from fanout.publish_pace import PublishPace
from fanout.redis_writer import RedisWriter
from fanout.tally import Tally
from fanout.vitals import Vitals

log = logging.getLogger(__name__)

REFRESH_S = 0.5  # readers call the numbers stale when `applied` is a few of these old
BACKOFF_S = (0.1, 5.0)
EVENTS_AGAIN = 20  # at each refresh, in turn, so that a key that Redis alone lost comes back


class Publisher:
    """Writes one session's tally once it is counted up to `catch_up_lsn`; times are monotonic seconds."""

    def __init__(self, tally: Tally, catch_up_lsn: int, flush_s: float, writer: RedisWriter, health: Vitals) -> None:
        self._tally = tally
        self._catch_up_lsn = catch_up_lsn
        self._pace = PublishPace(flush_s, REFRESH_S)
        self._backoff = Backoff(*BACKOFF_S)
        self._writer = writer
        self._writer.forget()
        self._health = health
        self._published_lsn = 0

    def due_at(self) -> float:
        """When to publish next: at once for a change, now and then without one, not before all is counted."""
        lsn = self._tally.position.lsn
        if lsn < self._catch_up_lsn:
            return math.inf
        return self._pace.due_at(changed=bool(self._tally.unpublished) or lsn != self._published_lsn)

    def publish(self, now: float, heard_at: float, trouble: str, between: Callable[[], None]) -> None:
        """Write to Redis as of the Unix time when Postgres was last heard; calls `between` after each answer of Redis.

        Once that is done, readiness says `trouble`: what an operator has to look after though the numbers are right.
        Raises `FencedError`.
        """
        oldest_us = self._tally.oldest_unpublished_us
        if self._pace.refresh_due(now):
            self._tally.publish_again(EVENTS_AGAIN)
        began_at = time.monotonic()
        try:
            self._writer.write(self._tally, heard_at, between)
        except redis.RedisError as error:
            self._redis_failed(error)
            return
        ended_at = time.monotonic()
        self._pace.written(now, ended_at)
        self._backoff.reset()
        self._published_lsn = self._tally.position.lsn
        if trouble and trouble != self._health.why_not_ready:
            log.error("the numbers are right, but something needs a hand", extra={"reason": trouble})
        self._health.why_not_ready = trouble
        vitals.FLUSHES.inc()
        vitals.FLUSH_SECONDS.observe(ended_at - began_at)
        trace_id = self._trace()
        if oldest_us:
            stages.observe(stages.COMMITTED_TO_TALLIED, time.time() - oldest_us / 1_000_000, trace_id)

    def _trace(self) -> str | None:
        """Make the spans of what has just been published; the trace id of one of them."""
        now_ns, trace_id = time.time_ns(), None
        for event_no, traces in self._tally.traces.take_published(but=self._tally.unpublished).items():
            for each in traces:
                about: Attributes = {"vote.event_id": self._tally.events[event_no].event_id, "vote.wal.lsn": each.lsn}
                began_ns = each.committed_us * 1_000
                TRACER.emit(Span("tally", each.context, each.parent_id, began_ns, now_ns, attributes=about))
                trace_id = each.context.trace_id
        return trace_id

    def _redis_failed(self, error: redis.RedisError) -> None:
        if not self._backoff.failures:
            log.warning("can't write to Redis, will repeat", extra={"reason": str(error)})
        self._pace.put_off(time.monotonic() + self._backoff.next_s())
        self._health.why_not_ready = f"Redis: {error}"
        vitals.REDIS_FAILURES.inc()
