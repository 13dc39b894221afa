"""POST /live/{event_id}/seen: what a sample of viewers really got, as their pages measured it.

Anybody can post anything here, so it is looked at and never acted on. Bounded: what one report may hold, and what is
kept of it, which is one histogram.
"""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from prometheus_client import Histogram
from sanic import HTTPResponse, Request

from contract.moment import rfc3339
from contract.web.call import Access, documented
from contract.web.request_body import json_body
from contract.web.service import answer, uuid_in_path

DELAYS_MAX = 100  # as query/live/measure.js has it
DELAY_MS_MAX = 60_000

COMMIT_TO_PAINT = Histogram(
    "viewer_commit_to_paint_seconds",
    "From the commit of the newest vote in standings to the first paint that has them, by sampled viewers' own word",
    buckets=(0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2, 5, 10, 60),
)


class SeenDelays(msgspec.Struct):
    """Milliseconds from the commit of the newest vote in standings until they were painted; empty: just the time."""

    delays_ms: Annotated[
        list[Annotated[float, msgspec.Meta(ge=0, le=DELAY_MS_MAX)]], msgspec.Meta(max_length=DELAYS_MAX)
    ]


class ServerTime(msgspec.Struct):
    """This server's clock, so that a page can measure in spite of its own."""

    now: datetime


class ViewerHandler:
    """Takes reports of the live page."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(SeenDelays)

    @documented("Report what a viewer saw, sampled", access=Access.PUBLIC, body=SeenDelays, answers={200: ServerTime})
    async def seen(self, request: Request, event_id: str) -> HTTPResponse:
        """Adds to the histogram, and tells the time."""
        uuid_in_path(event_id, "event_id")
        for delay_ms in json_body(request, self._decoder).delays_ms:
            COMMIT_TO_PAINT.observe(delay_ms / 1000)
        return answer({"now": rfc3339(datetime.now(UTC))}, headers={"Cache-Control": "no-store"})
