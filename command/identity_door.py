"""What command asks of the identity database, through functions that are granted to its role one by one.

That database is another one, and may be away: then the question is `Busy`, and whoever doesn't ask goes on. So
connections are made when something is asked, and nothing is ready or not because of them.
"""

from uuid import UUID

from command.durable_pool import Connection, DurablePool
from contract import queries

CONNECTIONS_MAX = 2
WAITING_MAX = 50


class IdentityDoor:
    """Asks identity's functions; `open` and `close` are its lifetime."""

    def __init__(self, identity_url: str) -> None:
        self._sql = queries.load("command_identity.sql")
        self._pool = DurablePool(
            identity_url,
            "identity door",
            "statement_timeout=3s",
            connections_min=0,
            connections_max=CONNECTIONS_MAX,
            waiting_max=WAITING_MAX,
        )

    async def open(self) -> None:
        """Connects to nothing yet."""
        await self._pool.open()

    async def close(self) -> None:
        """Let the connections go."""
        await self._pool.close()

    async def user_exists(self, user_id: UUID) -> bool:
        """Whether there is a user of this id; raises `Busy`."""

        async def work(connection: Connection) -> bool:
            row = await (await connection.execute(self._sql["user_exists"], {"user_id": user_id})).fetchone()
            assert row is not None  # the function answers or raises
            return bool(row["user_exists"])

        return await self._pool.read(work)
