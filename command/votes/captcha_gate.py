"""Whether somebody who votes has solved a captcha, where one is asked for.

    none asked for ─► nothing is done
    asked for ─► no token: CaptchaRequired ─► token: the one check that is configured ─► CaptchaInvalid, or on it goes
                 one that may have been good in its time: CaptchaSpentError, of which the ledger may know better

ALTCHA's solution is checked here, without asking anybody. A provider's token is good for one check only, while a vote
may come again after an answer that was lost: so what has passed is remembered for a while, for this voter and event.
Whoever is to be challenged for another reason than the event's own goes through the same `require`.
"""

import time
from collections import OrderedDict
from typing import NamedTuple, Protocol
from uuid import UUID

import prometheus_client

from contract import metric_names
from contract.challenge import Aim, ChallengeExpired, Challenger
from contract.errors import Busy, CaptchaInvalid, CaptchaRequired, ChallengeInvalid
from contract.tokens import Caller

PASSED_S = 600.0
PASSED_MAX = 100_000

CHECKS = prometheus_client.Counter(metric_names.CAPTCHAS, "Captchas of votes, by what became of them", ["outcome"])


class Attempt(NamedTuple):
    """Who votes in which event, from which address, with which captcha_token, if any."""

    caller: Caller
    event_id: UUID
    address: str
    token: str | None


class CaptchaSpentError(CaptchaInvalid):
    """the captcha has expired or was used; solve another one"""


class ProviderAwayError(Exception):
    """There was no answer, or none of use."""


class CaptchaProvider(Protocol):
    """Whoever is asked about a token; `open` and `close` are its lifetime."""

    async def open(self) -> None:
        """Be ready to ask."""

    async def close(self) -> None:
        """Let the connections go."""

    async def is_right(self, token: str, address: str, what_for: str) -> bool:
        """The provider's word; asked again `what_for` the same, it may say the same. Raises `ProviderAwayError`."""


class CaptchaGate(Protocol):
    """Lets through who has solved a captcha."""

    async def require(self, attempt: Attempt) -> None:
        """Return for a token that is right; `CaptchaRequired`, `CaptchaInvalid`, `Busy` when it can't be told now.

        `CaptchaSpentError`: it lets nobody in any more, and who voted with it may come for the lost answer.
        """


class AltchaGate:
    """Checks solutions of `vote` challenges: they are bound to voter and event, and may come again."""

    def __init__(self, challenger: Challenger) -> None:
        self._challenger = challenger

    async def require(self, attempt: Attempt) -> None:
        """As `CaptchaGate`."""
        token = _token_of(attempt)
        try:
            self._challenger.check(token, Aim("vote", str(attempt.event_id), attempt.caller.user_id))
        except ChallengeExpired as error:
            CHECKS.labels("spent").inc()
            raise CaptchaSpentError(field="captcha_token") from error
        except ChallengeInvalid as error:
            CHECKS.labels("invalid").inc()
            raise CaptchaInvalid(error.message, field="captcha_token") from error
        CHECKS.labels("passed").inc()


class ProviderGate:
    """Asks the provider, once for each token; `open_when_away`: who can't be checked is let through."""

    def __init__(self, provider: CaptchaProvider, *, open_when_away: bool) -> None:
        self._provider = provider
        self._open_when_away = open_when_away
        self._passed: OrderedDict[tuple[str, UUID, str], float] = OrderedDict()  # until when, on the monotonic clock

    async def require(self, attempt: Attempt) -> None:
        """As `CaptchaGate`."""
        key = (attempt.caller.user_id, attempt.event_id, _token_of(attempt))
        if self._passed.get(key, 0) > time.monotonic():
            return
        try:
            is_right = await self._provider.is_right(key[2], attempt.address, f"{key[0]} {key[1]}")
        except ProviderAwayError as error:
            CHECKS.labels("unchecked").inc()
            if self._open_when_away:
                return
            raise Busy("the captcha can't be checked right now, repeat the request as it is") from error
        CHECKS.labels("passed" if is_right else "spent").inc()
        if not is_right:  # providers don't tell apart what is wrong from what was used, here or at another process
            raise CaptchaSpentError(field="captcha_token")
        self._remember(key)

    def _remember(self, key: tuple[str, UUID, str]) -> None:
        self._passed[key] = time.monotonic() + PASSED_S
        if len(self._passed) > PASSED_MAX:
            self._passed.popitem(last=False)


def _token_of(attempt: Attempt) -> str:
    if not attempt.token:
        CHECKS.labels("missing").inc()
        raise CaptchaRequired(field="captcha_token")
    return attempt.token
