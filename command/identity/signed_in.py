"""Who calls identity itself: by a token that it signed and, as of this moment, hasn't revoked."""

from psycopg.rows import dict_row
from sanic import Request

from command.identity.identity_database import IdentityDatabase
from command.identity.own_token_verifier import OwnTokenVerifier
from contract.errors import Unauthorized
from contract.tokens import Caller
from contract.web.token_verifier import bearer_of


class SignedIn:
    """Finds callers; asks the database, where others look into their list."""

    def __init__(self, verifier: OwnTokenVerifier, database: IdentityDatabase) -> None:
        self._verifier = verifier
        self._database = database

    async def caller(self, request: Request) -> Caller:
        """The person who calls; `Unauthorized`, `Busy`."""
        caller = self._verifier.caller(bearer_of(request))
        session_id = caller.session_id or None
        row = await self._database.one("is_revoked", dict_row, session_id=session_id, user_id=caller.user_id)
        if row and row["revoked"]:
            raise Unauthorized
        return caller
