"""Who is calling: the Bearer token of a request, verified with identity's public keys.

The keys are fetched in the background and kept while identity is away, so existing sessions go on.
A token with a key id that isn't known wakes the fetcher, at most once a second.
"""

import asyncio
import contextlib
import json
import logging
import urllib.request

from sanic import Request

from contract.errors import Busy, Forbidden, Unauthorized
from contract.revocations import RevocationList
from contract.shown_settings import without_secrets
from contract.tokens import Caller, KeySet, UnknownKeyError

log = logging.getLogger(__name__)

REFRESH_S = 300
RETRY_S = 1
FETCH_TIMEOUT_S = 5


def bearer_of(request: Request) -> str:
    """The request's Bearer token, not verified; `Unauthorized` unless there is exactly one."""
    given = request.headers.getall("authorization", ())
    scheme, _, token = (given[0] if len(given) == 1 else "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized
    return token.strip(" ")  # RFC 9110: any number of spaces


class TokenVerifier:
    """Verifies callers; `run` is its background task, started by the composition root."""

    def __init__(self, jwks_url: str, revoked: RevocationList) -> None:
        self._url = jwks_url
        self._revoked = revoked
        self._keys = KeySet()
        self._wanted = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether any key is there."""
        return bool(self._keys)

    def caller(self, request: Request) -> Caller:
        """The caller of this request; `Unauthorized` for no token or a bad one, `Busy` until the keys are there."""
        return self.caller_of(bearer_of(request))

    def caller_of(self, token: str) -> Caller:
        """The same by a token that came in some other way."""
        caller = self._verified(token)
        if self._revoked.revokes(caller):
            raise Unauthorized
        return caller

    def _verified(self, token: str) -> Caller:
        try:
            return self._keys.caller(token)
        except UnknownKeyError as error:
            self._wanted.set()
            if not self._keys:
                raise Busy from error
            raise Unauthorized from error

    def caller_if_any(self, request: Request) -> Caller | None:
        """The caller, or None for a request without Authorization; raises as `caller`."""
        return self.caller(request) if "authorization" in request.headers else None

    def staff(self, request: Request) -> Caller:
        """The caller, who must be host or admin."""
        caller = self.caller(request)
        if not caller.is_staff:
            raise Forbidden
        return caller

    def overseer(self, request: Request) -> Caller:
        """The caller, who must be host, admin or auditor."""
        caller = self.caller(request)
        if not (caller.is_staff or caller.may_read_all):
            raise Forbidden
        return caller

    def auditor(self, request: Request) -> Caller:
        """The caller, who must be admin or auditor."""
        caller = self.caller(request)
        if not caller.may_read_all:
            raise Forbidden
        return caller

    async def run(self) -> None:
        """Fetch the keys now, every five minutes, and when a token names one that is missing."""
        while True:
            self._wanted.clear()
            try:
                self._keys.replace(await asyncio.to_thread(_fetch, self._url))
            except Exception as error:  # noqa: BLE001  # whatever went wrong: keep the keys, try again
                log.warning(
                    "can't fetch the public keys",
                    extra={"url": without_secrets(self._url, secret=False), "reason": str(error)},
                )
                self._wanted.set()
            await asyncio.sleep(RETRY_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REFRESH_S):
                    await self._wanted.wait()


# Our own address: whatever proxy the environment names is for others.
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _fetch(url: str) -> dict[str, object]:
    with _DIRECTLY.open(url, timeout=FETCH_TIMEOUT_S) as response:
        jwks: dict[str, object] = json.load(response)
        return jwks
