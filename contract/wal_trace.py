"""How the traces of votes travel through the WAL: one logical message in the transaction that holds their rows.

    prefix `vote.trace`, content as text: event_no, then for each traced vote, after a space,
    {trace id}-{id of the span that its tally hangs on}, in hexadecimal

SQL writes it (cast_traced_votes), only for votes that were newly accepted; fanout reads it. What doesn't look like this
is nobody's trace, and no reason to stop. Pure.
"""

import re
from typing import NamedTuple

from contract.tracing import SpanContext

TRACE_MESSAGE_PREFIX = "vote.trace"
TRACED_VOTES_MAX = 64  # of one batch, so of one message; SQL asks the same
_MESSAGE = re.compile(rb"-?[0-9]{1,10}(?: [0-9a-f]{32}-[0-9a-f]{16}){1,64}")


class TracedVote(NamedTuple):
    """A traced vote of an event, and the span that its tally hangs on."""

    event_no: int
    context: SpanContext


def trace_entry(context: SpanContext) -> str:
    """What the message says of one vote."""
    return f"{context.trace_id}-{context.span_id}"


def traced_votes(content: bytes) -> tuple[TracedVote, ...]:
    """The votes that a message names; none for what is none of ours."""
    if not _MESSAGE.fullmatch(content):
        return ()
    event_no, *entries = content.decode("ascii").split(" ")
    return tuple(TracedVote(int(event_no), SpanContext(*entry.split("-"))) for entry in entries)
