"""The traces of votes on their last way here: from the bell to the viewers. Pure.

What was heard before the state was read is in what was read, so it goes out with that push: each trace gets a span
`deliver` from the moment when it was heard to the last viewer's frame, and the frame names a few of them.
"""

import time
from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from contract.tracing import TRACER, Attributes, Span, SpanContext, context_of
from query.on_air import Audience, Shown

HEARD_MAX = 16  # of an event at a time
PER_FRAME_MAX = 4  # each is 58 bytes for each viewer
# Of fewer new votes the public is told no trace: who knows somebody's trace id would know their choice by the numbers.
PUBLIC_FROM_VOTES = 10


class HeardTrace(NamedTuple):
    """A trace whose vote is in Redis: the delivery's span, and what it hangs on."""

    context: SpanContext
    parent_id: str
    heard_ns: int


class HeardTraces:
    """Those of one event that wait for a push."""

    def __init__(self) -> None:
        self._heard: list[HeardTrace] = []

    def hear(self, traceparents: Sequence[str]) -> None:
        """Take what is well-formed, as far as there is room."""
        for each in traceparents[: HEARD_MAX - len(self._heard)]:
            if parent := context_of(each):
                context = parent.child() if TRACER.on else parent
                self._heard.append(HeardTrace(context, parent.span_id, time.time_ns()))

    def put_back(self, traces: Sequence[HeardTrace]) -> None:
        """These wait for the next push after all."""
        self._heard = [*traces, *self._heard][:HEARD_MAX]

    def take(self) -> list[HeardTrace]:
        """All of them; they wait no longer."""
        taken, self._heard = self._heard, []
        return taken


class Watched(Protocol):
    """What one audience of an event is shown, and who watches it."""

    audience: Audience
    shown: Shown | None

    @property
    def clients(self) -> Sized:
        """Its clients."""


@dataclass(slots=True)
class TracedPush:
    """One push of an event: which traces it carries, how many votes are new in it, and how it went."""

    traces: Sequence[HeardTrace] = ()
    new_votes: int = 0
    began_ns: int = field(default_factory=time.time_ns)
    clients: int = 0

    @property
    def trace_id(self) -> str | None:
        """Of one of them."""
        return self.traces[-1].context.trace_id if self.traces else None

    def traceparents_for(self, audience: Audience, shown: Shown | None) -> list[str]:
        """What a frame may name; to the public nothing while anything is held back, or of a few votes."""
        is_told = audience is Audience.STAFF or self.new_votes >= PUBLIC_FROM_VOTES
        if not is_told or not _is_seen(audience, shown):
            return []
        return [each.context.traceparent for each in self.traces[:PER_FRAME_MAX]]

    def end_early(self, channels: Iterable[Watched]) -> None:
        """The frame that holds these votes went out already, by a push that read them before they were heard of."""
        shown_to = (each for each in channels if _is_seen(each.audience, each.shown))
        self.clients = sum(len(each.clients) for each in shown_to)
        self.end()

    def end(self) -> None:
        """The last client has its frame."""
        now_ns = time.time_ns()
        for each in self.traces if self.clients else ():
            first_ms = (self.began_ns - each.heard_ns) / 1_000_000
            about: Attributes = {"vote.stream.clients": self.clients, "vote.stream.first_client_ms": first_ms}
            TRACER.emit(Span("deliver", each.context, each.parent_id, each.heard_ns, now_ns, attributes=about))


def _is_seen(audience: Audience, shown: Shown | None) -> bool:
    """Whether this audience sees new votes at all."""
    return shown is not None and (audience is Audience.STAFF or not shown.held_back)
