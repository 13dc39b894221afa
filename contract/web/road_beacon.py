"""Tells Redis each second how this process does.

While Redis is away nobody is told, and readers see a silent process.
"""

import asyncio
import contextlib
import heapq
import math
import os
import socket
import time
from collections.abc import Callable, Mapping
from logging import getLogger
from typing import Any

import msgspec

from contract.latency_histogram import Latencies
from contract.redis_keys import ROAD_LIFETIME_S, road_key
from contract.road import EVENTS_WATCHED_MAX, REPORT_EVERY_S, Part, RecentLatency, RoadReport
from contract.telemetry import LastTrouble


class RoadBeacon:
    """Reports of one process, of what `latency` measures; `client` is redis.asyncio's, `run` the task."""

    def __init__(
        self,
        client: Any,
        part: Part,
        latency: Latencies,
        waiting: Callable[[], int] = lambda: 0,
        watching: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self._client = client
        self._part = part
        self._latency = latency
        self._recent = RecentLatency((*latency.bounds_s, math.inf))
        self._waiting = waiting
        self._watching = watching
        self._trouble = LastTrouble()
        self._name = f"{part}:{socket.gethostname()}:{os.getpid()}"

    async def run(self) -> None:
        """Report until cancelled."""
        getLogger().addHandler(self._trouble)
        while True:
            report = self._report(time.time())
            with contextlib.suppress(Exception):  # whatever Redis says: it is told again in a second
                await self._tell(report)
            await asyncio.sleep(REPORT_EVERY_S)

    def _report(self, now: float) -> RoadReport:
        watching = self._watching()
        most = heapq.nlargest(EVENTS_WATCHED_MAX, watching.items(), key=lambda each: each[1])
        slow_ms = self._recent.slow_ms(self._latency.up_to())
        return RoadReport(
            self._part, now, self._waiting(), slow_ms, sum(watching.values()), dict(most), self._trouble.last
        )

    async def _tell(self, report: RoadReport) -> None:
        key = road_key(report.at)
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hset(key, self._name, msgspec.json.encode(report))
        pipeline.expire(key, ROAD_LIFETIME_S)
        await pipeline.execute()
