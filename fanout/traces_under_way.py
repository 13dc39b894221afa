"""The traces of votes that are counted and not published yet. Pure; bounded, whatever comes.

    counted ─► waits with its event ─► goes out with the event's next message ─► published: its `tally` span is made

A trace goes out once for each publication of its votes. When fanout dies before its checkpoint the votes come again
from the slot, and so do their traces: what was published already then is once more, with a span of the same id.
"""

import hashlib
from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from contract.tracing import TRACER, SpanContext
from fanout.wal_decoder import Transaction

PER_EVENT_MAX = 16  # of one message
EVENTS_MAX = 1_000


class TraceUnderWay(NamedTuple):
    """A traced vote that is counted: its tally's span, which is made once it is published."""

    context: SpanContext
    parent_id: str
    committed_us: int  # Unix microseconds
    lsn: int


class TracesUnderWay:
    """By event_no."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[TraceUnderWay]] = {}

    def take(self, transaction: Transaction) -> None:
        """Remember the traces of a transaction that was just counted; those beyond the bounds end here.

        So does one of an event that has no vote in it: that message isn't ours.
        """
        if not transaction.traces:
            return
        voted_in = {key.event_no for key in transaction.votes}
        for event_no, context in transaction.traces:
            if event_no in voted_in and (event_no in self._waiting or len(self._waiting) < EVENTS_MAX):
                waiting = self._waiting.setdefault(event_no, [])
                if len(waiting) < PER_EVENT_MAX:
                    mine = _tally_context(context, transaction.end_lsn) if TRACER.on else context
                    waiting.append(TraceUnderWay(mine, context.span_id, transaction.committed_us, transaction.end_lsn))

    def traceparents(self, event_no: int) -> list[str]:
        """What goes out with an event's message."""
        return [each.context.traceparent for each in self._waiting.get(event_no, ())]

    def take_published(self, but: Container[int]) -> Mapping[int, Sequence[TraceUnderWay]]:
        """Those that have gone out: all, except for these events, which are written again."""
        published = {event_no: traces for event_no, traces in self._waiting.items() if event_no not in but}
        self._waiting = {event_no: traces for event_no, traces in self._waiting.items() if event_no in but}
        return published


def _tally_context(context: SpanContext, lsn: int) -> SpanContext:
    """The same for the same vote at the same place in the WAL, so that what is counted again after a restart is no
    second span.
    """
    digest = hashlib.blake2b(f"{context.trace_id}{context.span_id}{lsn}".encode(), digest_size=8)
    return SpanContext(context.trace_id, digest.hexdigest())
