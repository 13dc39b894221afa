"""POST /live/{event_id}/seen: what a sample of viewers really got, as their pages measured it.

Anybody can post anything here, so it is looked at and never acted on. Bounded: what one report may hold, and what is
kept of it, which is two series of a histogram, and so many spans a second.
"""

import time
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from sanic import HTTPResponse, Request

from contract import stages
from contract.answer_text import Time
from contract.moment import rfc3339
from contract.tracing import TRACER, Kind, RateBound, Span, SpanContext, context_of
from contract.web.answering import answer
from contract.web.call import Access, call
from contract.web.request_content import json_body, uuid_of

DELAYS_MAX = 100  # as query/pages/live/measure.js has it
DELAY_MS_MAX = 60_000
PAINTS_MAX = 5
PAINTS_PER_S_MAX = 20  # of this process; anybody may make some up


class SeenPaint(msgspec.Struct):
    """A frame that named the page's own traced vote: its traceparent there, and how long it took to paint."""

    traceparent: Annotated[str, msgspec.Meta(max_length=55)]
    took_ms: Annotated[float, msgspec.Meta(ge=0, le=DELAY_MS_MAX)]


Delays = Annotated[list[Annotated[float, msgspec.Meta(ge=0, le=DELAY_MS_MAX)]], msgspec.Meta(max_length=DELAYS_MAX)]


class SeenDelays(msgspec.Struct):
    """Milliseconds from the commit of the newest vote in standings until they were painted; empty: just the time.

    `acks_ms` are those from a vote's first sending to its ack; `paints` end the traces of votes of the same browser.
    """

    delays_ms: Delays
    acks_ms: Delays = []
    paints: Annotated[list[SeenPaint], msgspec.Meta(max_length=PAINTS_MAX)] = []


class ServerTime(msgspec.Struct):
    """This server's clock, so that a page can measure in spite of its own."""

    now: Time


class ViewerHandler:
    """Takes reports of the live page."""

    def __init__(self) -> None:
        self._paints = RateBound(PAINTS_PER_S_MAX)

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
        for paint in seen.paints:
            if TRACER.on and (shown := context_of(paint.traceparent)) and self._paints.allows():
                _leave_span(shown, paint.took_ms)
        return answer(ServerTime(rfc3339(datetime.now(UTC))))


def _leave_span(shown: SpanContext, took_ms: float) -> None:
    """The end of a trace, as of now: a page's clock may be wrong, its sense of a duration hardly."""
    now_ns = time.time_ns()
    TRACER.emit(Span("paint", shown.child(), shown.span_id, now_ns - round(took_ms * 1_000_000), now_ns, Kind.CLIENT))
