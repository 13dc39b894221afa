"""What readers see: each event's absolute counts with their position, then how far the source is counted.

    events that changed ─► `applied`, if it is as we left it ──► done
                                └─ gone or other: mark it not fresh ─► every event ─► `applied` again

`applied` is also the canary: if it isn't what was written last, Redis was flushed, lost or restored from an old
copy, and everything is written again before it is called fresh. Nothing is incremented and every write carries
its position, so writing twice is harmless and an older writer changes nothing. After a failure nobody knows what
was written, so the next write is one of everything. A slow Redis means fewer writes, never a queue.
"""

import time
from collections.abc import Iterable
from importlib import resources

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from contract.redis_keys import EVENTS_CHANNEL, STANDINGS_CHANNEL, applied_key, tally_key
from contract.standings import AppliedPosition
from fanout.tally import Tally

TIMEOUT_S = 0.5
COMMANDS_PER_ROUND_TRIP_MAX = 500
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
        self._apply_tally = self._mark_applied = ""

    def forget(self) -> None:
        """Write everything next time: a new session has counted anew."""
        self._last = None

    def write(self, tally: Tally) -> None:
        """Bring Redis to this tally and its position. Raises redis.RedisError when it can't be known to be there."""
        last, self._last = self._last, None
        if last is None or not self._write(tally, tally.unpublished, last):
            self._rewrite(tally)
        tally.published()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _rewrite(self, tally: Tally) -> None:
        self._apply_tally = self._load("apply_tally.lua")
        self._mark_applied = self._load("mark_applied.lua")
        not_fresh = _encode(AppliedPosition(*tally.position, at=0))
        self._client.set(applied_key(tally.source), not_fresh)
        if not self._write(tally, tally.events, not_fresh):
            raise redis.RedisError("the keys were lost while they were written")

    def _write(self, tally: Tally, event_nos: Iterable[int], last: bytes) -> bool:
        """Write these events and then the position; False if `applied` wasn't as we left it."""
        pipeline = self._client.pipeline(transaction=False)
        for message in map(tally.message, event_nos):
            if not message.event_id:
                continue
            if len(pipeline) >= COMMANDS_PER_ROUND_TRIP_MAX:
                pipeline.execute()
            position = tally.position._replace(lsn=message.lsn)
            pipeline.evalsha(
                self._apply_tally,
                1,
                tally_key(message.event_id, tally.source),
                str(position.system_id),
                position.order_key(),
                _encode(message),
                STANDINGS_CHANNEL,
            )
        for change in tally.unpublished_changes.values():
            pipeline.publish(EVENTS_CHANNEL, _encode(change))
        applied = _encode(AppliedPosition(*tally.position, at=time.time()))
        pipeline.evalsha(self._mark_applied, 1, applied_key(tally.source), last, applied)
        written = bool(pipeline.execute()[-1])
        if written:
            self._last = applied
        return written

    def _load(self, name: str) -> str:
        return str(self._client.script_load(resources.files("fanout").joinpath(name).read_text(encoding="utf-8")))
