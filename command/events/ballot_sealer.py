"""The seal of a ballot: so that an event that has opened keeps its name and its contestants, or an audit finds out.

It is made from what Postgres spells out, and Postgres compares that under the event's lock before it opens the event:
a contestant who was changed in between makes it VT503, and the ballot is read again.
"""

from collections.abc import Mapping
from uuid import UUID

from psycopg.rows import DictRow

from command.durable_pool import Connection
from contract import queries
from contract.errors import Busy, NotFound
from contract.seal import ballot_seal_of


class BallotSealer:
    """Seals ballots under `seal_keys` (by key_no)."""

    def __init__(self, seal_keys: Mapping[int, bytes]) -> None:
        self._seal_keys = seal_keys
        self._ballot = queries.load("command.sql")["ballot"]

    async def seal(self, connection: Connection, event_id: UUID) -> dict[str, object]:
        """The ballot and its seal, as the statements that open an event take them; `NotFound`, `Busy`."""
        row: DictRow | None = await (await connection.execute(self._ballot, {"event_id": event_id})).fetchone()
        if row is None:
            raise NotFound("event not found")
        if row["key_no"] not in self._seal_keys:
            raise Busy("this server doesn't have the event's key yet")
        return {"ballot": row["ballot"], "ballot_seal": ballot_seal_of(self._seal_keys[row["key_no"]], row["ballot"])}
