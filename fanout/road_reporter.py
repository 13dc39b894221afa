"""Tells Redis each second how fanout does, from a thread and a connection of its own: so also while its loop hangs."""

import contextlib
import logging
import threading
import time

import msgspec
import redis

from contract.redis_keys import ROAD_LIFETIME_S, road_key
from contract.road import REPORT_EVERY_S, Part, Process, RoadReport, report_field
from contract.telemetry import LastTrouble
from fanout import vitals
from fanout.vitals import Vitals

TIMEOUT_S = 0.5


class RoadReporter:
    """Reports of one process; `start` begins its thread."""

    def __init__(self, redis_url: str, health: Vitals) -> None:
        self._client = redis.Redis.from_url(redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
        self._health = health
        self._trouble = LastTrouble()
        self._process = Process.this()

    def start(self) -> None:
        """Report until the process ends."""
        logging.getLogger().addHandler(self._trouble)
        threading.Thread(target=self._run, name="road", daemon=True).start()

    def _run(self) -> None:
        while True:
            with contextlib.suppress(redis.RedisError):  # whatever Redis says: it is told again in a second
                self._tell(self._report(time.time()))
            time.sleep(REPORT_EVERY_S)

    def _report(self, now: float) -> RoadReport:
        return RoadReport(
            Part.COUNTING,
            now,
            waiting=0,
            slow_ms=None,
            watching=0,
            watching_by_event={},
            trouble=self._trouble.last,
            process=self._process,
            why_not_ready=self._health.why_not(),
            lag_s=vitals.LAG.seconds(now),
        )

    def _tell(self, report: RoadReport) -> None:
        key = road_key(report.at)
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hset(key, report_field(report), msgspec.json.encode(report))
        pipeline.expire(key, ROAD_LIFETIME_S)
        pipeline.execute()
