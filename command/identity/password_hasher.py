"""Passwords, hashed with argon2id in a bounded thread pool: a storm of logins can't take the machine.

`at_once` run; the others wait, each address in its own queue, and addresses take turns: one that sends a flood keeps
nobody else from logging in. One more than may wait is refused at once. A caller that goes away leaves the queue.
"""

import asyncio
import contextlib
import os
import secrets
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError
from prometheus_client import Gauge, Histogram

from command.identity.fair_queue import FairQueue
from contract import metric_names
from contract.errors import TooMany

Answer = TypeVar("Answer")
Turn = asyncio.Future[None]

HASHING_NICENESS = 19
SESSION_NICENESS = Path("/proc/self/autogroup")

SECONDS = Histogram(
    metric_names.PASSWORD_SECONDS,
    "Hashing or verifying a password, waiting included",
    buckets=metric_names.PASSWORD_BOUNDS_S,
)
QUEUED = Gauge(metric_names.LOGIN_QUEUE, "Passwords being hashed or waiting for it")


def argon2id() -> Argon2:
    """The hash function: 19 MiB, two passes, one lane, as OWASP advises."""
    return Argon2(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def verifies(argon2: Argon2, password_hash: str, password: str) -> bool:
    """Whether the password is the one behind the hash."""
    try:
        return argon2.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def yield_as_a_whole(niceness: int) -> None:
    """Let the other processes of this machine go first: those of this session, and if it is this one's alone, others.

    Linux shares its cores among sessions first (sched_autogroup), and a thread's niceness counts within its own only.
    """
    os.setpriority(os.PRIO_PROCESS, 0, max(niceness, os.getpriority(os.PRIO_PROCESS, 0)))
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # no Linux, or one that shares by something else
            SESSION_NICENESS.write_text(str(niceness))


def _yield_to_others() -> None:
    """On a machine that does other work, too, a hash waits: votes go first (Linux has it by thread)."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASHING_NICENESS)


class PasswordHasher:
    """Hashes and verifies without holding up the event loop, for whoever has a turn; one per process."""

    def __init__(self, at_once: int, waiting: FairQueue[Turn]) -> None:
        self._argon2 = argon2id()
        self._threads = ThreadPoolExecutor(at_once, "password", _yield_to_others)
        self._free, self._waiting = at_once, waiting
        self._dummy_hash = self._argon2.hash(secrets.token_urlsafe())

    @contextlib.asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Wait until it is this address' turn, and have it until the end of the block.

        Whatever belongs to a password is done inside, look-ups too, so that a flood doesn't take their connections.
        Raises `TooMany` when too many of this address wait, `Busy` when too many wait in all.
        """
        turn = self._join(address)
        with SECONDS.time(), QUEUED.track_inprogress():
            await self._wait(turn, address)
            try:
                yield
            finally:
                self._pass_on()

    async def hash(self, password: str) -> str:
        """The PHC string of a new hash."""
        return await self._run(lambda: self._argon2.hash(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is right; with no hash (no such person) false, after just as much work."""
        return await self._run(lambda: verifies(self._argon2, password_hash or self._dummy_hash, password))

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _join(self, address: str) -> Turn:
        turn: Turn = asyncio.get_running_loop().create_future()
        if self._free:
            self._free -= 1
            turn.set_result(None)
            return turn
        pushed_out = self._waiting.put(address, turn)
        if pushed_out and not pushed_out.done():
            pushed_out.set_exception(TooMany())
        return turn

    async def _wait(self, turn: Turn, address: str) -> None:
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove(address, turn)
            elif not turn.exception():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Give a turn that ended to the next one who waits."""
        while self._waiting:
            turn = self._waiting.take()
            if not turn.done():  # it may have been cancelled a moment ago
                turn.set_result(None)
                return
        self._free += 1
