"""What readers see: each event's absolute counts with their position, then how far the source is counted.

    events that changed ─► `applied`, if it is as we left it ──► done
                                └─ gone or other: mark it not fresh ─► every event ─► `applied` again

`applied` is also the canary: if it isn't what was written last, Redis was flushed, lost or restored from an old
copy, and everything is written again before it is called fresh. Nothing is incremented and every write carries
its position, so writing twice is harmless and an older writer changes nothing. After a failure nobody knows what
was written, so the next write is one of everything. A slow Redis means fewer writes, never a queue.

Each script has one key, and `applied` is sent when the events have been answered: keys may live on several nodes.
"""

import contextlib
import time
from collections.abc import Callable, Iterable
from importlib import resources
from itertools import islice

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from contract.redis_keys import EVENTS_CHANNEL, STANDINGS_CHANNEL, applied_key, tally_key
from contract.standings import AppliedPosition
from fanout.checkpoint import FencedError
from fanout.tally import Tally

TIMEOUT_S = 0.5
EVENTS_PER_ROUND_TRIP_MAX = 500
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
        )
        self._last: bytes | None = None  # what `applied` should hold; None: unknown
        self._apply_tally, self._mark_applied = (
            resources.files("fanout").joinpath(name).read_text(encoding="utf-8")
            for name in ("apply_tally.lua", "mark_applied.lua")
        )

    def forget(self) -> None:
        """Write everything next time: a new session has counted anew."""
        self._last = None

    def outrank(self, tally: Tally, wal_end: int) -> None:
        """Raise a new lead's epoch so that readers take its numbers even if Redis has some of a history that is gone.

        Whoever held the slot before published nothing beyond `wal_end`. So if Redis is ahead of that, files of an
        older Postgres were put back; and if its epoch is higher, the checkpoint was lost. A Redis that is away now is
        found to be ahead when it is back, which ends the session.
        """
        with contextlib.suppress(redis.RedisError):
            if there := self._applied(tally):
                gone_back = there.timeline == tally.position.timeline and there.lsn > wal_end
                tally.epoch = max(tally.epoch, there.epoch + gone_back)

    def write(self, tally: Tally, between: Callable[[], None]) -> None:
        """Bring Redis to this tally and its position, calling `between` after each answer.

        Raises redis.RedisError: write again later; `FencedError`: lead anew.
        """
        last, self._last = self._last, None
        if last is None or not self._write(tally, tally.unpublished, last, between):
            self._rewrite(tally, between)
        tally.published()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _rewrite(self, tally: Tally, between: Callable[[], None]) -> None:
        there = self._applied(tally)
        if there and (there.epoch, there.timeline, there.lsn) > (tally.epoch, *tally.position[1:]):
            raise FencedError("Redis is ahead: another fanout leads, or Postgres was put back to an earlier state")
        not_fresh = _encode(AppliedPosition(*tally.position, at=0, epoch=tally.epoch))
        self._client.set(applied_key(tally.source), not_fresh)
        if not self._write(tally, tally.events, not_fresh, between):
            raise redis.RedisError("the keys were lost while they were written")

    def _applied(self, tally: Tally) -> AppliedPosition | None:
        """What is said of this source now, if it is of the same system."""
        content = self._client.get(applied_key(tally.source)) or b""
        try:
            there = msgspec.json.decode(content, type=AppliedPosition)
        except msgspec.MsgspecError:
            return None  # nothing that we wrote
        return there if there.system_id == tally.position.system_id else None

    def _write(self, tally: Tally, event_nos: Iterable[int], last: bytes, between: Callable[[], None]) -> bool:
        """Write these events and then the position; False if `applied` wasn't as we left it."""
        known = iter([event_no for event_no in event_nos if tally.events[event_no].event_id])
        while some := list(islice(known, EVENTS_PER_ROUND_TRIP_MAX)):
            pipeline = self._client.pipeline(transaction=False)
            for event_no in some:
                self._add(pipeline, tally, event_no)
            pipeline.execute()
            between()
        changes = [_encode(change) for change in tally.unpublished_changes.values()]
        applied = _encode(AppliedPosition(*tally.position, at=time.time(), epoch=tally.epoch))
        key = applied_key(tally.source)
        written = bool(self._client.eval(self._mark_applied, 1, key, last, applied, EVENTS_CHANNEL, *changes))
        if written:
            self._last = applied
        return written

    def _add(self, pipeline: "redis.client.Pipeline", tally: Tally, event_no: int) -> None:
        message = tally.message(event_no)
        position = tally.position._replace(lsn=message.lsn)
        pipeline.eval(
            self._apply_tally,
            1,
            tally_key(message.event_id, tally.source),
            str(position.system_id),
            position.order_key(message.epoch),
            _encode(message),
            STANDINGS_CHANNEL,
        )
