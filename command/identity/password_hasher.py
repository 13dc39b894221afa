"""Passwords, hashed with argon2id in a bounded thread pool: a storm of logins can't take the machine.

`at_once` run, `waiting_max` wait, one more is refused with `Busy` at once. A caller that goes away leaves the queue.
"""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError
from prometheus_client import Gauge, Histogram

from contract.errors import Busy

Answer = TypeVar("Answer")

SECONDS = Histogram(
    "password_seconds", "Hashing or verifying, waiting included", buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
)
INSIDE = Gauge("password_inside", "Passwords being hashed or waiting for it")


def argon2id() -> Argon2:
    """The hash function: 19 MiB, two passes, one lane, as OWASP advises."""
    return Argon2(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def verifies(argon2: Argon2, password_hash: str, password: str) -> bool:
    """Whether the password is the one behind the hash."""
    try:
        return argon2.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


class PasswordHasher:
    """Hashes and verifies without holding up the event loop; one per process."""

    def __init__(self, at_once: int, waiting_max: int) -> None:
        self._argon2 = argon2id()
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="password")
        self._inside, self._inside_max = 0, at_once + waiting_max
        self._dummy_hash = self._argon2.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """The PHC string of a new hash; `Busy` when too many wait."""
        return await self._run(lambda: self._argon2.hash(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is right; with no hash (no such person) false, after just as much work."""
        return await self._run(lambda: verifies(self._argon2, password_hash or self._dummy_hash, password))

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], Answer]) -> Answer:
        if self._inside >= self._inside_max:
            raise Busy
        self._inside += 1
        INSIDE.set(self._inside)
        try:
            with SECONDS.time():
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._inside -= 1
            INSIDE.set(self._inside)
