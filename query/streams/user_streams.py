"""How many streams one user may hold, counted over all processes by leases in Redis.

    this process holds as many already ─► TooMany, and nobody is asked
    Redis: room ─► a lease, renewed while the stream goes on, given back at its end
    Redis: no room ─► TooMany
    Redis away, slow or spoilt ─► this process' own count decides

Streams of a process that was killed count on until their leases end. There are more than allowed only after Redis was
away: a renewal brings back what Redis lost, and nobody's stream is ended for what others hold.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from importlib import resources

import redis.asyncio

from contract.redis_keys import user_streams_key
from query.redis_reader import REDIS_AWAY
from query.streams.stream_limit import StreamLimit, too_many

STREAMS_A_USER_MAX = 5
RENEWALS_A_LEASE = 3  # so two of them may fail
USERS_A_ROUND_TRIP = 200
WHOSE = "of this user"


class UserStreams:
    """Holds the leases of this process; `run` is the task that renews them."""

    def __init__(self, client: redis.asyncio.Redis, lease_ms: int) -> None:
        self._client = client
        self._lease_ms = lease_ms
        self._here = StreamLimit(STREAMS_A_USER_MAX, WHOSE)
        self._held: dict[str, set[str]] = {}
        script = resources.files("query.streams").joinpath("hold_streams.lua").read_text(encoding="utf-8")
        self._hold = client.register_script(script)

    @contextlib.asynccontextmanager
    async def admit(self, user_id: str) -> AsyncIterator[None]:
        """Count a stream of this user until the end of the block; raises `TooMany`."""
        with self._here.admit(user_id):
            stream = secrets.token_hex(8)
            if not await self._has_room(user_id, stream):
                raise too_many(WHOSE)
            self._held.setdefault(user_id, set()).add(stream)
            try:
                yield
            finally:
                self._forget(user_id, stream)
                with contextlib.suppress(*REDIS_AWAY):  # then the lease ends by itself
                    await self._client.zrem(user_streams_key(user_id), stream)

    async def run(self) -> None:
        """Renew what is held, until cancelled."""
        while True:
            await asyncio.sleep(self._lease_ms / 1000 / RENEWALS_A_LEASE)
            users = list(self._held)
            with contextlib.suppress(*REDIS_AWAY):
                for at in range(0, len(users), USERS_A_ROUND_TRIP):
                    await self._renew(users[at : at + USERS_A_ROUND_TRIP])

    async def _has_room(self, user_id: str, stream: str) -> bool:
        try:
            arguments: list[int | str] = [self._lease_ms, STREAMS_A_USER_MAX, stream]
            return bool(await self._hold(keys=[user_streams_key(user_id)], args=arguments))
        except REDIS_AWAY:
            return True

    async def _renew(self, users: Sequence[str]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        renewed = {user_id: set(held) for user_id in users if (held := self._held.get(user_id))}
        for user_id, streams in renewed.items():
            arguments: list[int | str] = [self._lease_ms, 0, *streams]
            await self._hold(keys=[user_streams_key(user_id)], args=arguments, client=pipeline)
        await pipeline.execute(raise_on_error=False)  # a spoilt key is its user's alone
        for user_id, streams in renewed.items():
            if left := streams - self._held.get(user_id, set()):  # while this was under way: given back before, perhaps
                await self._client.zrem(user_streams_key(user_id), *left)

    def _forget(self, user_id: str, stream: str) -> None:
        held = self._held.get(user_id, set())
        held.discard(stream)
        if not held:
            self._held.pop(user_id, None)
