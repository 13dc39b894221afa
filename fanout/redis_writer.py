"""What readers see: each event's absolute counts with their position, then how far the source is counted.

    events that changed ─► `applied`, if it is as we left it ──► done
                                └─ gone or other: mark it not fresh ─► every event ─► `applied` again

`applied` is also the canary: if it isn't what was written last, Redis was flushed, lost or restored from an old
copy, and everything is written again before it is called fresh. Nothing is incremented and every write carries
its position, so writing twice is harmless and an older writer changes nothing. After a failure, or on a new
connection, nobody knows what is there, so the next write is one of everything. A slow Redis means fewer writes, never
a queue. A leader is refused only when Redis has numbers of a history that is gone; the next lead is then under a higher
epoch.

Each script has one key, and `applied` is sent when the events have been answered: so the keys may live on several
nodes behind a proxy that hides them.
"""

import contextlib
import logging
from collections.abc import Callable, Iterable
from importlib import resources
from itertools import islice

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from contract.redis_keys import STANDINGS_CHANNEL, applied_key, tally_key
from contract.standings import AppliedPosition, TracedTally
from fanout.checkpoint import FencedError
from fanout.tally import Tally

log = logging.getLogger(__name__)

TIMEOUT_S = 0.5
EVENTS_PER_ROUND_TRIP_MAX = 100
_encode = msgspec.json.encode


class RedisWriter:
    """Writes one source's tallies; never waits longer than TIMEOUT_S for an answer."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            redis_connect_func=self._connected,
        )
        self._connections = 0  # made so far: redis-py makes another one by itself when it finds the last one closed
        self._last: bytes | None = None  # what `applied` should hold; None: unknown
        self._refused = False
        self._failed: set[int] = set()  # events whose own command failed; they are written again, the others go on
        self._apply_tally, self._mark_applied = (
            resources.files("fanout").joinpath(name).read_text(encoding="utf-8")
            for name in ("apply_tally.lua", "mark_applied.lua")
        )

    def forget(self) -> None:
        """Write everything next time: a new session has counted anew."""
        self._last = None

    def outrank(self, tally: Tally, wal_end: int) -> None:
        """Raise a new lead's epoch so that readers take its numbers even if Redis has some of a history that is gone.

        Whoever held the slot before us published nothing beyond `wal_end`. So if Redis
          - is beyond that, or refused what we wrote: files of an older Postgres were put back, go above its epoch;
          - has the timeline before a promotion: its last epoch may not have reached us, go above it;
          - has a higher epoch: the checkpoint was lost, take that epoch;
          - has a later timeline: this Postgres was left behind, and must not outrank it.
        A Redis that is away now is found to be ahead when it is back, which ends the session.
        """
        with contextlib.suppress(redis.RedisError):
            if there := _decoded(self._content(tally.source), tally):
                ahead = there.timeline == tally.position.timeline and (self._refused or there.lsn > wal_end)
                gone = ahead or there.timeline < tally.position.timeline
                tally.epoch = max(tally.epoch, there.epoch + gone)
            self._refused = False

    def write(self, tally: Tally, heard_at: float, between: Callable[[], None]) -> None:
        """Bring Redis to this tally and its position, as of the Unix time when Postgres was last heard.

        Calls `between` after each answer. Raises redis.RedisError: write again later; `FencedError`: lead anew.
        """
        last, self._last = self._last, None
        if last is None or not self._write(tally, tally.unpublished, last, heard_at, between):
            self._rewrite(tally, heard_at, between)
        tally.published(but=self._failed)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _rewrite(self, tally: Tally, heard_at: float, between: Callable[[], None]) -> None:
        content = self._content(tally.source)
        there = _decoded(content, tally)
        if there and (there.epoch, there.timeline, there.lsn) > (tally.epoch, *tally.position[1:]):
            raise FencedError("Redis is ahead: another fanout leads, or Postgres was put back to an earlier state")
        not_fresh = _encode(AppliedPosition(*tally.position, at=0, epoch=tally.epoch))
        if not self._mark(tally.source, content, not_fresh):
            raise redis.RedisError("another fanout writes, too")
        if not self._write(tally, tally.events, not_fresh, heard_at, between):
            raise redis.RedisError("the keys were lost while they were written")

    def _write(
        self, tally: Tally, event_nos: Iterable[int], last: bytes, heard_at: float, between: Callable[[], None]
    ) -> bool:
        """Write these events and then the position; False if `applied` wasn't as we left it."""
        connections = self._connections
        failed = set[int]()
        known = iter([event_no for event_no in event_nos if tally.events[event_no].event_id])
        while some := list(islice(known, EVENTS_PER_ROUND_TRIP_MAX)):
            pipeline = self._client.pipeline(transaction=False)
            for event_no in some:
                self._add(pipeline, tally, event_no)
            answers = pipeline.execute(raise_on_error=False)
            failed.update(no for no, answer in zip(some, answers, strict=True) if isinstance(answer, redis.RedisError))
            if not all(answers):
                self._refused = True
                raise FencedError("Redis has later numbers of an event: another fanout leads, or Postgres was put back")
            between()
        applied = _encode(AppliedPosition(*tally.position, at=heard_at, epoch=tally.epoch))
        written = self._mark(tally.source, last, applied)
        if failed - self._failed:
            log.error("Redis refused some events' tallies, will repeat", extra={"event_nos": sorted(failed)})
        self._failed = failed
        if written and connections == self._connections:
            self._last = applied
        return written

    def _mark(self, source: str, last: bytes, content: bytes) -> bool:
        return bool(self._client.eval(self._mark_applied, 1, applied_key(source), last, content))

    def _content(self, source: str) -> bytes:
        try:
            content = self._client.get(applied_key(source))
        except redis.ResponseError as error:
            if not str(error).startswith("WRONGTYPE"):
                raise
            return b""  # nothing that we wrote; it is written over
        return content if isinstance(content, bytes) else b""

    def _connected(self, connection: redis.Connection) -> None:
        connection.on_connect()  # type: ignore[no-untyped-call]  # redis-py gives it no types
        self._connections += 1

    def _add(self, pipeline: "redis.client.Pipeline", tally: Tally, event_no: int) -> None:
        message, traces = tally.message(event_no), tally.traces.traceparents(event_no)
        payload = _encode(message)
        position = tally.position._replace(lsn=message.lsn)
        pipeline.eval(
            self._apply_tally,
            1,
            tally_key(message.event_id, tally.source),
            str(position.system_id),
            position.order_key(message.epoch),
            payload,
            STANDINGS_CHANNEL,
            _encode(TracedTally(**msgspec.structs.asdict(message), traces=traces)) if traces else payload,
        )


def _decoded(content: bytes, tally: Tally) -> AppliedPosition | None:
    """What is said of this source, if it is of the same system."""
    try:
        there = msgspec.json.decode(content, type=AppliedPosition)
    except msgspec.MsgspecError:
        return None  # nothing that we wrote
    return there if there.system_id == tally.position.system_id else None
