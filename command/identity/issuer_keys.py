"""The public keys of one OpenID Connect issuer: found by its discovery document, fetched when they are needed.

    a key id that we have ─────────────────────────────► the key, for ten minutes; then it is fetched anew
    one that we haven't ──► a fetch, shared by all ──┬─► the key, or there is none: the token is refused
                            who wait, at most one    └─► the issuer is away: 503, and what is there stays
                            in ten seconds

A hostile token can't make us fetch oftener, and a hostile issuer can't make us wait for longer, keep more, or ask
somebody else: answers have a deadline and a size, redirections are refused, discovery must name the very issuer.
"""

import asyncio
import logging
import time
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec
from prometheus_client import Counter

from command.identity.issuers import LOOPBACK, Issuer
from contract import metric_names
from contract.errors import Busy

KEYS_KEPT_S = 600
FETCH_PAUSE_S = 10
FETCH_TIMEOUT_S = 5
DOCUMENT_BYTES_MAX = 64 * 1024
KEYS_MAX = 32
ASYMMETRIC = ("RSA", "EC", "OKP")

FETCHES = Counter(
    metric_names.ISSUER_KEY_FETCHES, "Fetches of an OpenID Connect issuer's keys, by outcome", ["outcome"]
)

log = logging.getLogger(__name__)

Jwk = dict[str, Any]
Document = TypeVar("Document", bound=msgspec.Struct)


class _Discovery(msgspec.Struct):
    issuer: str
    jwks_uri: str


class _KeySet(msgspec.Struct):
    keys: Annotated[list[Jwk], msgspec.Meta(max_length=KEYS_MAX)]


class IssuerKeys:
    """The keys by key id; `open` and `close` are its lifetime."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._keys: dict[str | None, Jwk] = {}
        self._fetched_at = self._tried_at = float("-inf")  # monotonic
        self._fetching: asyncio.Task[bool] | None = None
        self._away = False
        self._http: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make ready to fetch; asks nothing yet."""
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=FETCH_TIMEOUT_S),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=urlsplit(self._issuer.issuer).hostname not in LOOPBACK,  # the way out may be a proxy
        )

    async def close(self) -> None:
        """Let go of connections."""
        if self._fetching:
            self._fetching.cancel()
        if self._http:
            await self._http.close()

    async def find(self, key_id: str | None) -> Jwk | None:
        """The key of this id (no id: the only one), None when the issuer has none; `Busy` when it can't be asked."""
        key = self._known(key_id)
        if key is None and await self._fetched():
            key = self._known(key_id)
        if key is None and self._away:
            raise Busy("the id_token's issuer can't be asked for its keys now, repeat the request as it is")
        return key

    def _known(self, key_id: str | None) -> Jwk | None:
        if time.monotonic() - self._fetched_at > KEYS_KEPT_S:
            return None
        if key_id is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(key_id)

    async def _fetched(self) -> bool:
        """Fetch, or wait for the fetch under way, unless one ended a moment ago; whether there are new keys."""
        if self._fetching is None:
            if time.monotonic() - self._tried_at < FETCH_PAUSE_S:
                return False
            self._tried_at = time.monotonic()
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._end)
        return await asyncio.shield(self._fetching)

    def _end(self, _fetch: "asyncio.Task[bool]") -> None:
        self._fetching = None

    async def _fetch(self) -> bool:
        try:
            key_set = await self._read(await self._jwks_uri(), _KeySet)
        except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError) as error:
            self._away = True
            FETCHES.labels("failed").inc()
            log.warning(
                "can't fetch an issuer's keys",
                extra={"issuer": self._issuer.issuer, "reason": str(error) or repr(error)},
            )
            return False
        self._keys = {_key_id(jwk): jwk for jwk in key_set.keys if _is_for_signatures(jwk)}
        self._away, self._fetched_at = False, time.monotonic()
        FETCHES.labels("fetched").inc()
        return True

    async def _jwks_uri(self) -> str:
        url = f"{self._issuer.issuer.rstrip('/')}/.well-known/openid-configuration"
        discovery = await self._read(url, _Discovery)
        if discovery.issuer != self._issuer.issuer:
            raise ValueError(f"its discovery names another issuer: {discovery.issuer[:200]}")
        return discovery.jwks_uri

    async def _read(self, url: str, kind: type[Document]) -> Document:
        """One JSON document; raises aiohttp.ClientError, TimeoutError, ValueError, RecursionError."""
        assert self._http
        if not self._issuer.trusts(url):
            raise ValueError(f"its keys are at a place that can't be trusted: {url[:200]}")
        async with self._http.get(url, allow_redirects=False) as answer:
            if answer.status != 200:
                raise ValueError(f"it answered {answer.status} at {url}")
            content = bytearray()
            async for chunk in answer.content.iter_any():
                content += chunk
                if len(content) > DOCUMENT_BYTES_MAX:
                    raise ValueError(f"more than {DOCUMENT_BYTES_MAX} bytes at {url}")
        return msgspec.json.decode(content, type=kind)


def _key_id(jwk: Jwk) -> str | None:
    key_id = jwk.get("kid")
    return key_id if isinstance(key_id, str) else None


def _is_for_signatures(jwk: Jwk) -> bool:
    """Public ones only: who publishes a private key lets everybody sign."""
    return jwk.get("kty") in ASYMMETRIC and jwk.get("use", "sig") == "sig" and "d" not in jwk
