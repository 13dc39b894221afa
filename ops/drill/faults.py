"""What the drill breaks, each until the end of a block, and the alert that has to say so."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import psycopg

from ops.drill.watched_stack import WatchedStack
from ops.rig.server_setting import server_setting

COMMIT_DELAY_US = 100_000  # the most that Postgres allows: each COMMIT waits for a tenth of a second
CHUNK = b"x" * 4096


class Fault(NamedTuple):
    """What is broken, the alert for it, and the block that breaks it and heals it at its end."""

    name: str
    alert: str
    broken: Callable[[WatchedStack], AbstractContextManager[None]]


@contextlib.contextmanager
def stopped(watched: WatchedStack, program: str) -> Iterator[None]:
    """The program ends cleanly, and is started again."""
    watched.stack.control.stop(program)
    try:
        yield
    finally:
        watched.stack.control.start(program)


@contextlib.contextmanager
def hanging(watched: WatchedStack, service: str) -> Iterator[None]:
    """SIGSTOP: the process is there and does nothing, until SIGCONT."""
    watched.stack.kill(service, signal.SIGSTOP)
    try:
        yield
    finally:
        watched.stack.kill(service, signal.SIGCONT)


@contextlib.contextmanager
def slow_commits(watched: WatchedStack) -> Iterator[None]:
    """Each COMMIT takes as long as on a bad disk."""
    with (
        psycopg.connect(watched.stack.demo["database_url"], autocommit=True) as admin,
        server_setting(admin, "commit_siblings", "0"),
        server_setting(admin, "commit_delay", str(COMMIT_DELAY_US)),
    ):
        yield


@contextlib.contextmanager
def standby_away(watched: WatchedStack) -> Iterator[None]:
    """It dies as in a crash of its machine, and comes back."""
    watched.standby.process.kill()
    try:
        yield
    finally:
        watched.standby.process.start()


@contextlib.contextmanager
def flood(watched: WatchedStack) -> Iterator[None]:
    """One account votes sixty times a second."""
    watched.crowd.flooding.set()
    try:
        yield
    finally:
        watched.crowd.flooding.clear()


@contextlib.contextmanager
def full_log_disk(watched: WatchedStack) -> Iterator[None]:
    """No byte more fits on the disk of the logs."""
    filler = watched.stack.folder.logs / "filler"
    _fill(filler)
    try:
        yield
    finally:
        filler.unlink()


def _fill(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(CHUNK):
            pass
    with contextlib.suppress(OSError), path.open("ab", buffering=0) as file:
        while file.write(b"x"):
            pass


def faults() -> list[Fault]:
    """All that can be tried here; a disk for the logs alone is made by root only."""
    found = [
        Fault("Redis down", "RedisAway", lambda watched: stopped(watched, "valkey")),
        Fault("fanout hangs", "CountingStopped", lambda watched: hanging(watched, "fanout")),
        Fault("command hangs", "ProcessSilent", lambda watched: hanging(watched, "command")),
        Fault("Postgres slow", "PostgresSlow", slow_commits),
        Fault("Postgres down", "PostgresAway", lambda watched: stopped(watched, "postgres")),
        Fault("standby away", "StandbyLost", standby_away),
        Fault("flood", "Flood", flood),
        Fault("synthetic stopped", "SyntheticSilent", lambda watched: stopped(watched, "synthetic")),
    ]
    return [*found, *([Fault("log disk full", "LogLinesLost", full_log_disk)] if os.geteuid() == 0 else [])]
