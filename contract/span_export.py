"""Sends finished spans by OTLP: the one module that knows OpenTelemetry's SDK; imported only by who traces.

    take ─► bounded queue ─► a thread's batch ─► POST /v1/traces
               └─ full: the oldest goes             └─ no answer: tried again for a while, then dropped

A receiver that is away costs spans and one line of log, nothing else.
"""

import logging
import threading
from collections.abc import Sequence
from urllib.parse import urlsplit

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace import SpanContext as TheirContext
from prometheus_client import Counter

from contract import metric_names
from contract.production import is_loopback
from contract.trace_settings import Tracing
from contract.tracing import Kind, Span, SpanContext

STOP_WITHIN_S = 3.0

SPANS = Counter(
    metric_names.TRACE_SPANS, "Spans of traces: made, and of these sent or failed; the others were dropped", ["outcome"]
)

log = logging.getLogger(__name__)

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_SCOPE = InstrumentationScope("live-vote")
_KINDS = {Kind.SERVER: SpanKind.SERVER, Kind.CLIENT: SpanKind.CLIENT, Kind.INTERNAL: SpanKind.INTERNAL}
_OK, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)


class SpanExport:
    """The sink of a process' spans."""

    def __init__(self, process: str, settings: Tracing) -> None:
        # Its own word of each failure and of each span that it drops would fill the log.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._resource = Resource.create({"service.name": settings.service or process})
        self._exporter = _CountingExporter(settings.url)
        self._processor = BatchSpanProcessor(self._exporter)
        self._made = SPANS.labels("made")

    def take(self, span: Span) -> None:
        """Queue a span."""
        self._made.inc()
        parent = SpanContext(span.context.trace_id, span.parent_id) if span.parent_id else None
        # Not by the SDK's own tracer: that begins a span before it is known whether anybody wants it, and chooses the
        # id, which must be in the WAL before the span has ended.
        self._processor.on_end(
            ReadableSpan(
                span.name,
                _theirs(span.context),
                _theirs(parent) if parent else None,
                self._resource,
                dict(span.attributes),
                links=[Link(_theirs(each)) for each in span.links],
                kind=_KINDS[span.kind],
                status=_ERROR if span.is_error else _OK,
                start_time=span.start_ns,
                end_time=max(span.start_ns, span.end_ns),
                instrumentation_scope=_SCOPE,
            )
        )

    def stop(self) -> None:
        """Send what waits; after STOP_WITHIN_S what is left is lost."""
        stopping = threading.Thread(target=self._processor.shutdown, name="last spans", daemon=True)
        stopping.start()
        stopping.join(STOP_WITHIN_S)


class _CountingExporter(SpanExporter):
    """Counts what becomes of spans, and says once that the receiver is away or back."""

    def __init__(self, url: str) -> None:
        session = requests.Session()
        session.trust_env = not is_loopback(urlsplit(url).hostname or "")  # no proxy leads to this machine
        self._exporter = OTLPSpanExporter(url, session=session)
        self._url = url
        self._is_away = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; in the processor's thread."""
        result = self._exporter.export(spans)
        is_away = result is not SpanExportResult.SUCCESS
        SPANS.labels("failed" if is_away else "sent").inc(len(spans))
        if is_away and not self._is_away:
            log.warning("spans can't be sent, dropping them", extra={"receiver": urlsplit(self._url).netloc})
        elif self._is_away and not is_away:
            log.info("spans are sent again")
        self._is_away = is_away
        return result

    def shutdown(self) -> None:
        """Give up what is being tried."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # it has no types


def _theirs(context: SpanContext) -> TheirContext:
    return TheirContext(int(context.trace_id, 16), int(context.span_id, 16), is_remote=False, trace_flags=_SAMPLED)
