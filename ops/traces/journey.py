"""One vote's journey: the spans of a trace as a tree, in their order.

    POST /v1/vote/submit
      vote batch                  each span below its parent
        cast_votes                … and beside its siblings by its start
        tally
          deliver
    paint                         what has lost its parent stands at the top, by its start

Knows no I/O. Whatever comes is shown: parents that are missing or go in a circle, clocks that differ, far too much.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence

from ops.traces.otlp_receiver import ReceivedSpan

STEPS_MAX = 400
LINKED_MAX = 5
ASKED, LOST, CIRCLE, EARLY = (
    "its client's own span is not here",
    "its parent is missing",
    "its parents go in a circle",
    "before its parent: clocks differ",
)


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """A span at its place; `at_ns` counts from the journey's beginning, `took_ns` is never negative."""

    span: ReceivedSpan
    depth: int
    at_ns: int
    took_ns: int
    remark: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Journey:
    """All steps, top to bottom; `left_out` says how many there are beyond those that are shown."""

    trace_id: str
    steps: Sequence[Step]
    left_out: int
    took_ns: int
    processes: Sequence[str]
    errors: int
    linked: Sequence[str]  # traces that shared a step with this one, such as a batch: a few


def journey(spans: Sequence[ReceivedSpan]) -> Journey:
    """The journey of a trace by its spans, of which there is at least one."""
    tree = _Tree(spans)
    begin_ns = min(span.start_ns for span in spans)
    steps: list[Step] = []
    seen: set[str] = set()
    for first, why_first in tree.beginnings():
        waiting = [(first, 0, why_first)]
        while waiting:
            span, depth, remark = waiting.pop()
            if span.span_id in seen:
                continue
            seen.add(span.span_id)
            steps.append(Step(span, depth, span.start_ns - begin_ns, max(span.end_ns - span.start_ns, 0), remark))
            waiting += [(child, depth + 1, why) for child, why in reversed(tree.below(span))]
    trace_id = spans[0].trace_id
    links = dict.fromkeys(link[0] for step in steps for link in step.span.links if link[0] != trace_id)
    return Journey(
        trace_id,
        steps[:STEPS_MAX],
        max(len(steps) - STEPS_MAX, 0),
        max(step.at_ns + step.took_ns for step in steps),
        sorted({span.service for span in spans}),
        sum(span.is_error for span in spans),
        list(links)[:LINKED_MAX],
    )


class _Tree:
    """Who hangs below whom."""

    def __init__(self, spans: Sequence[ReceivedSpan]) -> None:
        self._by_start = sorted(spans, key=lambda span: span.start_ns)
        self._known = {span.span_id: span for span in spans}
        self._below: dict[str, list[tuple[ReceivedSpan, str]]] = defaultdict(list)
        for span in self._by_start:
            if parent := self._known.get(span.parent_id):
                self._below[parent.span_id].append((span, EARLY if span.start_ns < parent.start_ns else ""))

    def below(self, span: ReceivedSpan) -> list[tuple[ReceivedSpan, str]]:
        """The spans under this one by their start, each with a remark."""
        return self._below[span.span_id]

    def beginnings(self) -> Iterable[tuple[ReceivedSpan, str]]:
        """The spans that hang below none by their start, then all others: of these a walk reaches all but circles."""
        yield from ((span, _why_alone(span)) for span in self._by_start if span.parent_id not in self._known)
        yield from ((span, CIRCLE) for span in self._by_start if span.parent_id in self._known)


def _why_alone(span: ReceivedSpan) -> str:
    if not span.parent_id:
        return ""
    return ASKED if span.kind == "server" else LOST
