"""The sessions of a person: the use cases of seeing and ending them, whatever dialect they are asked in.

ended ─► COMMIT (which revokes its access tokens, by a trigger) ─NOTIFY─► every process ─► 401
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row, dict_row

from command.identity.identity_database import IdentityDatabase, Statements
from contract.errors import NotFound
from contract.tokens import Caller

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that goes on; `rotated_at` is when it was last used to get an access token."""

    session_id: UUID
    started_at: datetime
    rotated_at: datetime
    device: str | None


class SessionList:
    """Lists and ends the sessions of those who call."""

    def __init__(self, database: IdentityDatabase) -> None:
        self._database = database

    async def of(self, caller: Caller) -> list[OpenSession]:
        """The caller's sessions that go on, the last used first."""
        return await self._database.all("open_sessions", class_row(OpenSession), user_id=caller.user_id)

    async def end(self, caller: Caller, session_id: UUID, trace_id: str) -> None:
        """End one session of the caller's; `NotFound`."""
        ids = {"session_id": session_id, "user_id": caller.user_id}
        if await self._database.write("end_session", dict_row, **ids) is None:
            raise NotFound("session not found", field="session_id")
        log.info("session ended", extra={"user_id": caller.user_id, "trace_id": trace_id})

    async def log_out(self, caller: Caller, trace_id: str) -> None:
        """End the session of the caller's token, and the token; what has ended stays so.

        Both or neither: else a repeat, whose token is refused by then, would leave a session that can be refreshed.
        """

        async def work(statements: Statements) -> None:
            await statements.one("revoke", dict_row, session_id=caller.session_id, expires_at=caller.expires_at)
            await statements.one("end_session", dict_row, session_id=caller.session_id, user_id=caller.user_id)

        await self._database.together(work)
        log.info("logout", extra={"user_id": caller.user_id, "trace_id": trace_id})
