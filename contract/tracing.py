"""Traces: one vote's way from the client's request to a viewer's screen, as spans that share a trace id.

    traceparent ─► admit ─┬─► sampled: each process on the way makes its spans, and passes the context on
                          └─► not sampled: nothing, unless the answer was an error or slow; then one span, afterwards

Off until a composition root calls `start` with an endpoint: then OpenTelemetry's SDK is imported (span_export), else
never, and `TRACER.on` is all that is asked on a vote's way. A span is made when it is over, from ids and times: so what
isn't sampled costs a few comparisons. How many a client can force and how many errors are kept is bounded.

A vote's spans: its request (command), the batch that it was written in with one try or several, then by the context in
the WAL the tally (fanout), the delivery to viewers (sse), and the paint by a page's own word (query).
"""

import logging
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, Protocol

from contract.trace_settings import Tracing

log = logging.getLogger(__name__)

# Version ff is none; those after 00 may have more fields.
_TRACEPARENT = re.compile(
    r"(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
)

Attributes = Mapping[str, str | int | float | bool]


class SpanContext(NamedTuple):
    """A span of a sampled trace: what its children have to know. Ids in hexadecimal, 32 and 16 digits."""

    trace_id: str
    span_id: str

    @property
    def traceparent(self) -> str:
        """As W3C writes it."""
        return f"00-{self.trace_id}-{self.span_id}-01"

    def child(self) -> "SpanContext":
        """The context of a new span below this one."""
        return SpanContext(self.trace_id, new_span_id())


class Kind(Enum):
    """Whom a span serves: somebody's request, another server's answer, or neither."""

    SERVER = "server"
    CLIENT = "client"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Span:
    """A span that is over; times in Unix nanoseconds, `parent_id` "" for a trace's first."""

    name: str
    context: SpanContext
    parent_id: str
    start_ns: int
    end_ns: int
    kind: Kind = Kind.INTERNAL
    attributes: Attributes = field(default_factory=dict)
    links: Sequence[SpanContext] = ()
    is_error: bool = False


class Incoming(NamedTuple):
    """A request's place in a trace: its client's, or a new one's. While tracing is off it is a trace id and no more."""

    trace_id: str
    span_id: str = ""
    parent_id: str = ""
    sampled: bool = False
    began_ns: int = 0  # Unix nanoseconds

    @property
    def exemplar(self) -> str | None:
        """The trace id, if a trace is to be had by it."""
        return self.trace_id if self.sampled else None

    @property
    def context(self) -> SpanContext | None:
        """What is passed on; None: not sampled."""
        return SpanContext(self.trace_id, self.span_id) if self.sampled else None


def context_of(traceparent: str) -> SpanContext | None:
    """The span that a traceparent names, if it is sampled; None for anything else, well-formed or not."""
    match = _TRACEPARENT.fullmatch(traceparent)
    return SpanContext(match[1], match[2]) if match and int(match[3], 16) & 1 else None


def trace_id_of(traceparent: str | None) -> str:
    """The trace id of a W3C traceparent, or a new one: 32 hexadecimal digits."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    return match[1] if match else _new_trace_id()


def _new_trace_id() -> str:
    return f"{random.getrandbits(128) or 1:032x}"


def new_span_id() -> str:
    """16 hexadecimal digits, never all zero."""
    return f"{random.getrandbits(64) or 1:016x}"


class RateBound:
    """So many a second and no more; what wasn't used in one second is not saved for the next."""

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._second = 0
        self._taken = 0

    def allows(self) -> bool:
        """Whether one more fits into this second; counts it."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._taken = second, 0
        self._taken += 1
        return self._taken <= self._per_second


class Sampler:
    """Which requests are traced. The share is drawn by us: a client who chooses its trace id chooses nothing."""

    def __init__(self, settings: Tracing, clock: Callable[[], float] = time.monotonic) -> None:
        base = settings.sampler.removeprefix("parentbased_")
        self._heeds_clients = base != settings.sampler
        self._share = {"always_on": 1.0, "always_off": 0.0}.get(base, settings.share)
        self._forced = RateBound(settings.client_traces_max, clock)
        self._kept = RateBound(settings.kept_traces_max, clock)
        self._keeps = settings.sampler != "always_off"
        self._slow_s = settings.slow_ms / 1000

    def samples(self, *, client_flag: bool | None) -> bool:
        """Whether to trace a request whose client says so, says no, or (None) says nothing."""
        if client_flag is not None and self._heeds_clients:
            return client_flag and self._forced.allows()
        return random.random() < self._share  # noqa: S311  # keeps no secret

    def keeps(self, status: int, took_s: float) -> bool:
        """Whether to trace afterwards what wasn't sampled: a bug, what couldn't be done, or what was slow."""
        return self._keeps and (status >= 500 or took_s >= self._slow_s) and self._kept.allows()


class SpanSink(Protocol):
    """Where finished spans go; never waits and never raises."""

    def take(self, span: Span) -> None:
        """Take one; drop it when too many wait."""

    def stop(self) -> None:
        """Send what waits, as far as that goes within a few seconds."""


class Tracer:
    """The tracer of a process: `on` says whether anybody wants spans."""

    def __init__(self) -> None:
        self.on = False
        self._sampler: Sampler | None = None
        self._sink: SpanSink | None = None

    def begin(self, sampler: Sampler, sink: SpanSink) -> None:
        """Make spans from now on."""
        self._sampler, self._sink, self.on = sampler, sink, True

    def stop(self) -> None:
        """Make none any more, and send those that wait."""
        self.on = False
        if self._sink:
            self._sink.stop()

    def admit(self, traceparent: str, ago_s: float) -> Incoming:
        """The place of a request that came so long ago in its trace; what is malformed counts as nothing."""
        assert self._sampler, "admit is for when tracing is on"
        match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
        sampled = self._sampler.samples(client_flag=bool(int(match[3], 16) & 1) if match else None)
        began_ns = time.time_ns() - round(ago_s * 1_000_000_000)
        trace_id, parent_id = (match[1], match[2]) if match else (_new_trace_id(), "")
        return Incoming(trace_id, new_span_id(), parent_id, sampled, began_ns)

    def wants(self, incoming: Incoming, status: int) -> bool:
        """Whether a request that has its answer leaves a span: it is sampled, or was an error or slow."""
        if incoming.sampled or not (self._sampler and incoming.span_id):
            return incoming.sampled
        return self._sampler.keeps(status, (time.time_ns() - incoming.began_ns) / 1_000_000_000)

    def answered(self, incoming: Incoming, name: str, attributes: Attributes, *, is_error: bool) -> None:
        """The span of a request that has its answer."""
        context = SpanContext(incoming.trace_id, incoming.span_id)
        began_ns, parent_id = incoming.began_ns, incoming.parent_id
        self.emit(Span(name, context, parent_id, began_ns, time.time_ns(), Kind.SERVER, attributes, (), is_error))

    def emit(self, span: Span) -> None:
        """Hand on a finished span, and never raise: what is traced goes on. Nothing happens while tracing is off."""
        if self.on and self._sink:
            try:
                self._sink.take(span)
            except Exception:
                log.exception("a span is lost")


TRACER = Tracer()


def start(process: str, settings: Tracing) -> None:
    """Begin to trace in this process, if there is somewhere to send spans to; for composition roots."""
    if settings.is_on:
        from contract.span_export import SpanExport  # noqa: PLC0415  # the SDK takes its time and memory: only then

        TRACER.begin(Sampler(settings), SpanExport(process, settings))
