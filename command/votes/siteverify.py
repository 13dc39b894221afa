"""Whether a captcha's token is right: asked of the provider that made it, by the protocol that Turnstile, hCaptcha and
reCAPTCHA have in common. A form goes there with secret, response and remoteip; JSON with `success` comes back.

At most so many are asked at once; whoever gets no answer in time, the wait for a place included, isn't told apart from
one whose provider is away. No proxy of the environment, no cookie, no redirection.
"""

import asyncio
import logging
import uuid

import aiohttp
import msgspec

from command.settings import Captcha
from command.votes.captcha_gate import ProviderAwayError

ANSWER_BYTES_MAX = 16 * 1024
_NAMESPACE = uuid.UUID("7f1d7a3e-5a55-4c0b-9b3a-3f3c7b7c9d11")  # of Turnstile's idempotency keys

log = logging.getLogger(__name__)


class _Verdict(msgspec.Struct):
    success: bool
    errors: list[str] = msgspec.field(name="error-codes", default_factory=list)


class SiteVerify:
    """Asks one provider; `open` and `close` are its lifetime."""

    def __init__(self, captcha: Captcha) -> None:
        self._captcha = captcha
        self._places = asyncio.Semaphore(captcha.checks_max)
        self._session: aiohttp.ClientSession | None = None
        self._decoder = msgspec.json.Decoder(_Verdict)

    async def open(self) -> None:
        """Be ready to ask; connects to nothing."""
        connector = aiohttp.TCPConnector(limit=self._captcha.checks_max)
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    async def close(self) -> None:
        """Let the connections go."""
        if self._session:
            await self._session.close()

    async def is_right(self, token: str, address: str, what_for: str) -> bool:
        """The provider's word; asked again `what_for` the same, Turnstile says the same. Raises `ProviderAwayError`."""
        form = {"secret": self._captcha.secret, "response": token}
        if "/" not in address:  # a network is no address
            form["remoteip"] = address
        if self._captcha.provider == "turnstile":
            form["idempotency_key"] = str(uuid.uuid5(_NAMESPACE, f"{what_for} {token}"))
        try:
            async with asyncio.timeout(self._captcha.timeout_ms / 1000), self._places:
                verdict = self._decoder.decode(await self._ask(form))
        except (TimeoutError, aiohttp.ClientError, OSError, msgspec.MsgspecError) as error:
            log.warning("no word from the captcha's provider", extra={"reason": type(error).__name__})
            raise ProviderAwayError from error
        if not verdict.success and not _is_of_the_token(verdict.errors):
            log.error("the captcha's provider refuses to tell", extra={"reason": verdict.errors})
            raise ProviderAwayError
        return verdict.success

    async def _ask(self, form: dict[str, str]) -> bytes:
        assert self._session
        async with self._session.post(self._captcha.address, data=form, allow_redirects=False) as response:
            if response.status != 200:
                raise aiohttp.ClientError(f"status {response.status}")
            return await response.content.read(ANSWER_BYTES_MAX)


def _is_of_the_token(errors: list[str]) -> bool:
    """Whether it is the token that is wrong, and not our secret or the provider itself."""
    return not any("secret" in each or each in ("internal-error", "bad-request") for each in errors)
