"""Mails that wait to be sent: who puts one here waits for nothing, and a mail server that is away costs nobody more.

    put ─► a bounded queue ─► a few senders, each mail tried some times, longer apart ─► sent
      └─ full: dropped                                    └─ refused, or tried too often: dropped

A mail that was dropped, or was waiting when the process ended, is asked for again by its person. No log line has an
address.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any, NamedTuple, Protocol

from prometheus_client import Counter, Gauge

from contract import metric_names
from contract.backoff import Backoff

WAITING_MAX = 10_000
SENDERS = 4  # at once
TRIES_MAX = 5
RETRY_S = (1.0, 60.0)

MAILS = Counter(metric_names.MAILS, "Mails by what became of them, and tries that failed", ["outcome"])
WAITING = Gauge(metric_names.MAILS_WAITING, "Mails that wait for a sender")

log = logging.getLogger(__name__)


class Mail(NamedTuple):
    """One mail to one address."""

    to: str
    subject: str
    text: str


class NotAcceptedError(Exception):
    """The mail server will never take this mail; the message says why and has no address."""


class Sender(Protocol):
    """Some way to send."""

    async def send(self, mail: Mail) -> None:
        """Return when the mail server has taken it; raises `NotAcceptedError`, OSError or TimeoutError."""


class MailOutbox:
    """Mails in the order in which they came; `work` sends them."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._waiting: asyncio.Queue[Mail] = asyncio.Queue(WAITING_MAX)

    def put(self, mail: Mail) -> bool:
        """Let a mail wait; False when too many do."""
        try:
            self._waiting.put_nowait(mail)
        except asyncio.QueueFull:
            MAILS.labels("dropped").inc()
            return False
        WAITING.set(self._waiting.qsize())
        return True

    def work(self) -> Iterable[Coroutine[Any, Any, None]]:
        """The senders, each until cancelled."""
        return [self._send_all() for _ in range(SENDERS)]

    async def _send_all(self) -> None:
        while True:
            mail = await self._waiting.get()
            WAITING.set(self._waiting.qsize())
            MAILS.labels("sent" if await self._sent(mail) else "dropped").inc()

    async def _sent(self, mail: Mail) -> bool:
        backoff = Backoff(*RETRY_S)
        while backoff.failures < TRIES_MAX:
            try:
                await self._sender.send(mail)
                return True
            except NotAcceptedError as error:
                log.warning("a mail was not accepted", extra={"reason": str(error)})
                return False
            except OSError as error:  # TimeoutError is one
                MAILS.labels("failed").inc()
                log.warning("can't send mail", extra={"reason": type(error).__name__})
                await asyncio.sleep(backoff.next_s())
        return False
