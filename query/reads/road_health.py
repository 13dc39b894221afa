"""How the road of a vote does, from its being taken to the screens: what staff are told while they are on air.

Each part may be silent, and then nothing is said of it: a number that nobody reports any more is no number.
"""

import time
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from contract.answer_text import Time
from contract.errors import Busy
from contract.moment import rfc3339
from contract.road import Part, RoadReport
from contract.standings import AppliedPosition
from query.redis_reader import REDIS_AWAY, RedisReader
from query.replica_reader import ReplicaReader, WalEnd

SILENT_AFTER_S = 5.0


class VotesHealth(msgspec.Struct):
    """Votes taken and not committed yet, and within how many ms 99 of 100 commits were done lately (null: none)."""

    processes: int
    waiting: int
    slow_ms: float | None


class CountingHealth(msgspec.Struct):
    """How long ago counting was heard of, and how much of the ledger's log waits for it; null: unknown."""

    heard_ms_ago: int | None
    behind_bytes: int | None


class StreamsHealth(msgspec.Struct):
    """Viewers, of all events and of the one asked for, and how long 99 of 100 pushes took from the commit on (ms)."""

    processes: int
    watching: int
    watching_event: int
    slow_ms: float | None


class RoadTrouble(msgspec.Struct):
    """The last warning of any part."""

    part: str
    message: str
    at: Time


class RoadHealth(msgspec.Struct):
    """The road of a vote at one moment: no `processes` means that nobody reports, and null that nobody knows."""

    now: Time
    votes: VotesHealth
    counting: CountingHealth
    streams: StreamsHealth
    last_trouble: RoadTrouble | None


class RoadWatch:
    """Asks Redis what the processes say, and Postgres how far the ledger is."""

    def __init__(self, redis: RedisReader, replica: ReplicaReader) -> None:
        self._redis = redis
        self._replica = replica

    async def look(self, event_id: str) -> RoadHealth:
        """How it is now; always an answer, whoever is away. Viewers are counted of `event_id`, if it isn't ""."""
        return (await self.look_closely(event_id))[0]

    async def look_closely(self, event_id: str = "") -> tuple[RoadHealth, list[RoadReport]]:
        """The same, with the last report of each process, also of those that have been silent for some seconds."""
        now = time.time()
        try:
            reports, applied = await self._redis.reports(now), await self._redis.applied()
        except REDIS_AWAY:
            reports, applied = [], {}
        try:
            ends = await self._replica.wal_ends()
        except Busy:
            ends = []
        heard = [each for each in reports if now - each.at < SILENT_AFTER_S]
        return health(heard, applied, ends, now, event_id), reports


def health(
    reports: Iterable[RoadReport],
    applied: dict[str, AppliedPosition],
    ends: Iterable[WalEnd],
    now: float,
    event_id: str,
) -> RoadHealth:
    """What these reports and positions say together."""
    reports = list(reports)
    votes = [each for each in reports if each.part is Part.VOTES]
    streams = [each for each in reports if each.part is Part.STREAMS]
    return RoadHealth(
        rfc3339(datetime.fromtimestamp(now, UTC)),
        VotesHealth(len(votes), sum(each.waiting for each in votes), _slowest(votes)),
        _counting(applied, ends, now),
        StreamsHealth(
            len(streams),
            sum(each.watching for each in streams),
            sum(each.watching_by_event.get(event_id, 0) for each in streams),
            _slowest(streams),
        ),
        _last_trouble(reports),
    )


def _slowest(reports: Iterable[RoadReport]) -> float | None:
    return max((each.slow_ms for each in reports if each.slow_ms is not None), default=None)


def _counting(applied: dict[str, AppliedPosition], ends: Iterable[WalEnd], now: float) -> CountingHealth:
    heard_ms_ago = max((int(1000 * max(0.0, now - each.at)) for each in applied.values()), default=None)
    behind = [
        max(0, end.lsn - there.lsn)
        for end in ends
        if (there := applied.get(end.source)) and (there.system_id, there.timeline) == (end.system_id, end.timeline)
    ]
    return CountingHealth(heard_ms_ago, max(behind, default=None))


def _last_trouble(reports: Iterable[RoadReport]) -> RoadTrouble | None:
    troubles = [(each.trouble.at, each) for each in reports if each.trouble]
    if not troubles:
        return None
    _, last = max(troubles, key=lambda each: each[0])
    assert last.trouble is not None  # those without were left out
    return RoadTrouble(last.part, last.trouble.message, last.trouble.at)
