"""A stack with a standby and an audience that Prometheus looks at, and what Prometheus says is firing."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from ops.drill.crowd import Crowd
from ops.embedded import ports
from ops.embedded.readiness import DIRECTLY
from ops.rig.eventually import eventually
from ops.rig.postgres import RunningPostgres, standby_at
from ops.rig.running_stack import RunningStack
from ops.rig.server_process import ServerProcess

LETS_A_STANDBY_IN = "host replication postgres 127.0.0.1/32 scram-sha-256\n"
LOOK_EVERY_S = 1.0
ANSWER_S_MAX = 10
SCRAPED_WITHIN_S = 600  # synthetic votes begin when their 24,000 canaries are made


class WatchedStack:
    """What faults and the drill have in hand."""

    def __init__(self, stack: RunningStack, standby: RunningPostgres, crowd: Crowd) -> None:
        self.stack = stack
        self.standby = standby
        self.crowd = crowd
        port = json.loads(stack.folder.ports.read_text())["prometheus"]
        self._prometheus = f"http://127.0.0.1:{port}"

    def firing(self) -> set[str]:
        """The alerts that fire now."""
        return {each["labels"]["alertname"] for each in self._get("alerts")["alerts"] if each["state"] == "firing"}

    def scraped(self) -> bool:
        """Whether each target has been scraped, and well."""
        targets = self._get("targets")["activeTargets"]
        return bool(targets) and all(target["health"] == "up" for target in targets)

    def seconds_until(self, alert: str, *, fires: bool, within_s: float, seen: set[str]) -> float | None:
        """How long until it fires, or no longer does; None if it doesn't in time. `seen` gathers all that fires."""
        began = time.monotonic()
        while time.monotonic() - began < within_s:
            firing = self.firing()
            seen |= firing
            if (alert in firing) is fires:
                return time.monotonic() - began
            time.sleep(LOOK_EVERY_S)
        return None

    def _get(self, what: str) -> Any:
        with DIRECTLY.open(f"{self._prometheus}/api/v1/{what}", timeout=ANSWER_S_MAX) as answer:
            return json.load(answer)["data"]


@contextlib.contextmanager
def watched_stack(folder: Path) -> Iterator[WatchedStack]:
    """Running, observed, scraped and in use, until the end of the block."""
    stack = RunningStack(folder, ports.choose(["edge"], {})["edge"])
    words = [str(stack.up), "--observe"]
    stack.process = ServerProcess(lambda: words, "Ctrl-C stops everything", stack.environment)
    with stack.process.running(), _standby(stack, folder / "standby") as standby:
        crowd = Crowd(stack)
        watched = WatchedStack(stack, standby, crowd)
        crowd.start()
        try:
            eventually(watched.scraped, "Prometheus scrapes all of it", within_s=SCRAPED_WITHIN_S, every_s=LOOK_EVERY_S)
            yield watched
        finally:
            crowd.stop()


@contextlib.contextmanager
def _standby(stack: RunningStack, folder: Path) -> Iterator[RunningPostgres]:
    """The embedded Postgres lets nobody copy it; this one has to."""
    url = stack.demo["database_url"]
    with (stack.folder.postgres / "pg_hba.conf").open("a") as admitted:
        admitted.write(LETS_A_STANDBY_IN)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_reload_conf()")
    with standby_at(url, folder, "drill_standby") as standby:
        yield standby
