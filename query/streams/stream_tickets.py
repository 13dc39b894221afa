"""One-use tickets for those who may see all: EventSource can't send a header, and tokens never travel in URLs.

Kept in Redis, so that any sse process may redeem them; one that is lost with Redis is asked for anew.
"""

import secrets

import redis.asyncio

from contract.errors import Busy
from contract.redis_keys import ticket_key
from contract.revocations import ids_of
from contract.tokens import Caller
from query.event import Event
from query.on_air import may_see_all
from query.redis_reader import REDIS_AWAY

LIFETIME_S = 60


class StreamTickets:
    """Raises `Busy` while Redis is away."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client

    async def issue(self, event: Event, caller: Caller) -> str:
        """A caller's ticket for one stream of this event within LIFETIME_S; kept only of those who may see all."""
        ticket = secrets.token_urlsafe(24)
        if not may_see_all(caller):
            return ticket
        try:
            await self._client.set(ticket_key(ticket), " ".join([event.event_id, *ids_of(caller)]), ex=LIFETIME_S)
        except REDIS_AWAY as error:
            raise Busy from error
        return ticket

    async def redeem(self, ticket: str, event_id: str) -> tuple[str, ...]:
        """By which ids its caller's token may be revoked, if it was issued for this event and not used yet; else none.

        It is used now.
        """
        try:
            found = await self._client.getdel(ticket_key(ticket))
        except REDIS_AWAY as error:
            raise Busy from error
        issued_for, *ids = found.decode().split() if isinstance(found, bytes) else [""]
        return tuple(ids) if issued_for == event_id else ()
