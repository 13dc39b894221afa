"""What query asks of the identity database, through functions that are granted to its role one by one.

That database is another one, and may be away: then the question is `Busy`, and whoever doesn't ask goes on.
"""

import uuid

from query.reading_pool import ReadingPool

CONNECTIONS_MAX = 2


class IdentityDoor(ReadingPool):
    """Asks identity's functions; every method raises `Busy` while it can't answer."""

    def __init__(self, identity_url: str) -> None:
        super().__init__(identity_url, "query_identity.sql", CONNECTIONS_MAX)

    async def voter_of(self, user_id: uuid.UUID, event_no: int) -> bytes | None:
        """What stands for this user in this event (12 bytes), or None when there is no such user."""
        rows = await self._rows("voter_of", user_id=user_id, event_no=event_no)
        return rows[0][0]  # type: ignore[no-any-return]  # asyncpg's rows are Any
