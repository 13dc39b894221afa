"""What a trace tells of a batch: for each traced vote of it a span from when it was taken to its answer, with one below
for each try to write it, however that ended.

    the vote's request ─► vote batch ─┬─► cast_votes (try 1: lost)
                                      ├─► cast_votes (try 2: committed)
                                      └─► … by the WAL: tally, delivery

Every vote has these in its own trace, and links to the requests of some others. The id of the span is chosen first,
since it goes into the WAL with the votes: so what follows there hangs on the batch, whichever try has committed. A
batch without traced votes costs a look at each of its votes, and only where tracing is on.
"""

import time
from collections.abc import Mapping, Sequence
from itertools import islice

from command.votes.vote_batcher import PendingVote
from contract.tracing import TRACER, Attributes, Kind, Span, SpanContext
from contract.wal_trace import TRACED_VOTES_MAX, trace_entry

NAMED_MAX = 5
LINKS_MAX = 8  # of each span: links of all to all took longer than the batch


class BatchTrace:
    """The traced votes of a batch that is about to be written: `contexts` holds their batch spans, a bounded number."""

    def __init__(self, votes: Sequence[PendingVote]) -> None:
        traced = [vote for vote in votes if vote.trace] if TRACER.on else []
        self.contexts: dict[PendingVote, SpanContext] = {
            vote: vote.trace.child() for vote in traced[:TRACED_VOTES_MAX] if vote.trace
        }
        self._votes = len(votes)
        self._began_ns = self._try_began_ns = time.time_ns() if traced else 0
        self._tries = 0
        self._told = True

    @property
    def trace_ids(self) -> list[str]:
        """Some of its traces, for a line of the log."""
        return [context.trace_id for context in islice(self.contexts.values(), NAMED_MAX)]

    def columns(self, batch: Sequence[PendingVote]) -> Mapping[str, list[object]]:
        """What the WAL is told of the traced votes of a try: their places in it, from 1, and their contexts."""
        traced = [(index, self.contexts[vote]) for index, vote in enumerate(batch, start=1) if vote in self.contexts]
        if not (traced and self._told):
            return {}
        return {"traced": [index for index, _ in traced], "traces": [trace_entry(context) for _, context in traced]}

    def stop_telling(self) -> bool:
        """Tell the WAL nothing any more; whether a try has told it something before."""
        told, self._told = self._told and bool(self.contexts), False
        return told

    def begin_try(self) -> None:
        """The batch is about to be sent."""
        if self.contexts:
            self._try_began_ns = time.time_ns()

    def end_try(self, outcome: str, *, is_error: bool = True) -> None:
        """What became of it: `committed`, or the name of an error."""
        self._tries += 1
        now_ns = time.time_ns()
        about: Attributes = {"db.system.name": "postgresql", "vote.try": self._tries, "vote.outcome": outcome}
        began_ns = self._try_began_ns
        for context in self.contexts.values():
            mine = context.child()
            TRACER.emit(
                Span("cast_votes", mine, context.span_id, began_ns, now_ns, Kind.CLIENT, about, is_error=is_error)
            )

    def end(self) -> None:
        """All its votes are answered, or will be without this batch."""
        now_ns = time.time_ns()
        about: Attributes = {"vote.batch.votes": self._votes, "vote.batch.tries": self._tries}
        requests = [vote.trace for vote in self.contexts if vote.trace]
        for vote, context in self.contexts.items():
            others = list(islice((each for each in requests if each is not vote.trace), LINKS_MAX))
            parent_id = vote.trace.span_id if vote.trace else ""
            TRACER.emit(Span("vote batch", context, parent_id, self._began_ns, now_ns, attributes=about, links=others))
