"""The identity process: opens its pool, serves until SIGTERM. With a sub-command: the operator's line, then the end.

python -m command.identity [voters | client-token | staff | rotate-key]
"""

import os
import sys
from collections.abc import Iterable, Mapping

from command.identity import operator_line
from command.identity.account_handler import AccountHandler
from command.identity.account_store import AccountStore
from command.identity.accounts import Accounts
from command.identity.fair_queue import FairQueue
from command.identity.key_handler import KeyHandler
from command.identity.own_token_verifier import OwnTokenVerifier
from command.identity.password_hasher import PasswordHasher, Turn
from command.identity.session_handler import SessionHandler
from command.identity.sessions import Sessions
from command.identity.settings import IdentityListening, Signing
from command.identity.signing_keys import SigningKeys, load_signing_keys
from contract import settings
from contract.web.background import Work
from contract.web.service import Service, run_service


class IdentityService(Service):
    """Everything that this process holds."""

    handler_types = (AccountHandler, SessionHandler, KeyHandler)

    def __init__(self, env: Mapping[str, str]) -> None:
        self.listening = settings.read(IdentityListening, env)
        signing = settings.read(Signing, env)
        self._key_folder = signing.key_folder
        self._keys = SigningKeys(load_signing_keys(signing.key_folder), signing.key_overlap_seconds)
        self._keys.check_lifetime(signing.access_seconds, "ACCESS_TOKEN_SECONDS")
        self._store = AccountStore(settings.read(settings.IdentityDatabase, env).url)
        waiting: FairQueue[Turn] = FairQueue(signing.password_queue_max, signing.password_queue_per_address_max)
        self._hasher = PasswordHasher(signing.password_hashes_max, waiting)
        self.handlers = (
            AccountHandler(OwnTokenVerifier(self._keys), Accounts(self._store, self._hasher)),
            SessionHandler(Sessions(self._store, self._hasher, self._keys, signing)),
            KeyHandler(self._keys),
        )

    async def why_not_ready(self) -> str:
        """Everything here needs Postgres."""
        return await self._store.why_not_ready()

    async def open(self) -> None:
        """Start connecting."""
        await self._store.open()

    def work(self) -> Iterable[Work]:
        """Keys come and go while it serves."""
        return [self._keys.follow(self._key_folder)]

    async def close(self) -> None:
        """Let go of threads and connections; requests have been answered by now."""
        self._hasher.close()
        await self._store.close()


def main() -> int:
    """Serve, or do an operator's task; the exit code."""
    given = operator_line.parser().parse_args()
    if "task" in given:
        return operator_line.run(given, os.environ)
    return run_service("identity", IdentityService)


if __name__ == "__main__":
    sys.exit(main())
