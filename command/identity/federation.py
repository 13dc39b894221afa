"""Logging in with an outside identity: the use case, whatever dialect it is asked in.

An id_token is exchanged once, for a session like any other; its issuer isn't needed after that. Of what the issuer says
only who it is counts, and how surely: no roles, no name, no mail address.
"""

import logging

from command.identity.federation_store import FederationStore
from command.identity.id_token_verifier import IdTokenVerifier
from command.identity.outcome_counter import counted
from command.identity.refresh_token import new_family
from command.identity.sessions import LOGINS, IssuedTokens, Sessions

log = logging.getLogger(__name__)


class Federation:
    """Lets people of outside issuers in."""

    def __init__(
        self, verifier: IdTokenVerifier, store: FederationStore, sessions: Sessions, refresh_seconds: int
    ) -> None:
        self._verifier = verifier
        self._store = store
        self._sessions = sessions
        self._refresh_seconds = refresh_seconds

    async def exchange(self, id_token: str, nonce: str | None, device: str, trace_id: str) -> IssuedTokens:
        """Start a session of whom the token names, who is made when never seen before.

        `Unauthorized` for a token that isn't valid or was used before, `Forbidden` for who may not come in by it,
        `Busy` when its issuer is away.
        """
        with counted(LOGINS):
            person = await self._verifier.person(id_token, nonce)
            first = new_family()
            login = await self._store.log_in(person, first, self._refresh_seconds, device)
            extra = {"issuer": person.issuer, "sessions_ended": login.session.ended, "trace_id": trace_id}
            log.info("login", extra={"user_id": login.user.user_id, **extra})
            return self._sessions.issue_first(login.user, first, login.session, proven=False)
