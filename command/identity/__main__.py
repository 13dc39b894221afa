"""The identity process: opens its pool, serves until SIGTERM. With a sub-command: the operator's line, then the end.

python -m command.identity [voters | client-token | staff | new-key]
"""

import os
import sys
from collections.abc import Mapping
from typing import Any

from sanic import Sanic

from command.identity import operator_line
from command.identity.account_store import AccountStore
from command.identity.auth_handler import AuthHandler, add_routes
from command.identity.password_hasher import PasswordHasher
from command.identity.settings import IdentityListening, Signing
from command.identity.signing_key import load_signing_key
from contract import settings
from contract.telemetry import log_to_stderr
from contract.web.service import make_service, serve


class IdentityService:
    """Everything that this process holds; `open` and `close` are its lifetime."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.listening = settings.read(IdentityListening, env)
        signing = settings.read(Signing, env)
        key = load_signing_key(signing.key_file)
        self.store = AccountStore(settings.read(settings.Primary, env).url)
        self._hasher = PasswordHasher(signing.password_hashes_max, signing.password_queue_max)
        self.auth = AuthHandler(self.store, self._hasher, key, signing)

    async def open(self, _app: Sanic[Any, Any]) -> None:
        """Start connecting; Postgres may come later."""
        await self.store.open()

    async def close(self, _app: Sanic[Any, Any]) -> None:
        """Let go of threads and connections; requests have been answered by now."""
        self._hasher.close()
        await self.store.close()


def make_app(service: IdentityService) -> Sanic[Any, Any]:
    """The Sanic app around the service."""
    app = make_service("identity", service.store.why_not_ready)
    add_routes(app, service.auth)
    app.before_server_start(service.open)
    app.after_server_stop(service.close)
    return app


def main() -> int:
    """Serve, or do an operator's task; exit code 2 with one line when a setting is wrong."""
    given = operator_line.parser().parse_args()
    if "task" in given:
        return operator_line.run(given, os.environ)
    log_to_stderr("identity")
    try:
        service = IdentityService(os.environ)
    except settings.SettingError as error:
        print(f"identity: {error}", file=sys.stderr)
        return 2
    serve(make_app(service), service.listening.host, service.listening.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
