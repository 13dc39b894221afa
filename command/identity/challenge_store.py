"""Solved challenges that were used, in Postgres, so that no loss of memory revives one; its errors are those of
`IdentityDatabase`.
"""

from psycopg.rows import dict_row

from command.identity.identity_database import IdentityDatabase
from contract.challenge import Solved


class ChallengeStore:
    """Burns solved challenges."""

    def __init__(self, database: IdentityDatabase) -> None:
        self._database = database

    async def burn(self, solved: Solved) -> bool:
        """Whether this is its first use; deletes some of those that expired long ago."""
        row = await self._database.write("burn_challenge", dict_row, **solved._asdict())
        return row is not None
