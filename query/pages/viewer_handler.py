"""POST /live/{event_id}/seen: what a sample of viewers really got, as their pages measured it.

Anybody can post anything here, so it is looked at and never acted on. Bounded: what one report may hold, and what is
kept of it, which is two series of a histogram.
"""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from sanic import HTTPResponse, Request

from contract import stages
from contract.answer_text import Time
from contract.moment import rfc3339
from contract.web.answering import answer
from contract.web.call import Access, call
from contract.web.request_content import json_body, uuid_of

DELAYS_MAX = 100  # as query/pages/live/measure.js has it
DELAY_MS_MAX = 60_000


Delays = Annotated[list[Annotated[float, msgspec.Meta(ge=0, le=DELAY_MS_MAX)]], msgspec.Meta(max_length=DELAYS_MAX)]


class SeenDelays(msgspec.Struct):
    """Milliseconds from the commit of the newest vote in standings until they were painted; empty: just the time.

    `acks_ms` are those from a vote's first sending to its ack.
    """

    delays_ms: Delays
    acks_ms: Delays = []


class ServerTime(msgspec.Struct):
    """This server's clock, so that a page can measure in spite of its own."""

    now: Time


class ViewerHandler:
    """Takes reports of the live page."""

    @call(
        "POST",
        "/live/{event_id}/seen",
        name="viewer_seen",
        access=Access.PUBLIC,
        body=SeenDelays,
        answers={200: ServerTime},
    )
    async def seen(self, request: Request, event_id: str) -> HTTPResponse:
        """Report what a viewer saw, sampled; the answer is the time."""
        uuid_of(event_id, "event_id")
        seen = json_body(request, SeenDelays)
        for delay_ms in seen.delays_ms:
            stages.observe(stages.COMMITTED_TO_PAINTED, delay_ms / 1000)
        for ack_ms in seen.acks_ms:
            stages.observe(stages.SENT_TO_ACKED, ack_ms / 1000)
        return answer(ServerTime(rfc3339(datetime.now(UTC))))
