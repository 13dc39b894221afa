"""Tells Redis each second how this process does.

While Redis is away nobody is told, and readers see a silent process.
"""

import asyncio
import contextlib
import heapq
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from logging import getLogger
from typing import Any

import msgspec

from contract.latency_histogram import Latencies
from contract.redis_keys import ROAD_LIFETIME_S, road_key
from contract.road import EVENTS_WATCHED_MAX, REPORT_EVERY_S, Part, Process, RecentLatency, RoadReport, report_field
from contract.telemetry import LastTrouble

READY_WITHIN_S = 2.0  # whether it is ready may depend on a database that is silent


class RoadBeacon:
    """Reports of one process; `client` is redis.asyncio's, `run` the task. `latency` is of what it does for a vote."""

    def __init__(
        self,
        client: Any,
        part: Part,
        why_not_ready: Callable[[], Awaitable[str]],
        latency: Latencies | None = None,
        waiting: Callable[[], int] = lambda: 0,
        watching: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self._client = client
        self._part = part
        self._why_not_ready = why_not_ready
        self._latency = latency
        self._recent = RecentLatency((*latency.bounds_s, math.inf)) if latency else None
        self._waiting = waiting
        self._watching = watching
        self._trouble = LastTrouble()
        self._process = Process.this()

    async def run(self) -> None:
        """Report until cancelled."""
        getLogger().addHandler(self._trouble)
        while True:
            why_not_ready = f"it is not known within {READY_WITHIN_S:.0f} s"
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(READY_WITHIN_S):
                    why_not_ready = await self._why_not_ready()
            report = self._report(time.time(), why_not_ready)
            with contextlib.suppress(Exception):  # whatever Redis says: it is told again in a second
                await self._tell(report)
            await asyncio.sleep(REPORT_EVERY_S)

    def _report(self, now: float, why_not_ready: str) -> RoadReport:
        watching = self._watching()
        return RoadReport(
            self._part,
            now,
            waiting=self._waiting(),
            slow_ms=self._recent.slow_ms(self._latency.up_to()) if self._recent and self._latency else None,
            watching=sum(watching.values()),
            watching_by_event=dict(heapq.nlargest(EVENTS_WATCHED_MAX, watching.items(), key=lambda each: each[1])),
            trouble=self._trouble.last,
            process=self._process,
            why_not_ready=why_not_ready,
            lag_s=None,
        )

    async def _tell(self, report: RoadReport) -> None:
        key = road_key(report.at)
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hset(key, report_field(report), msgspec.json.encode(report))
        pipeline.expire(key, ROAD_LIFETIME_S)
        await pipeline.execute()
