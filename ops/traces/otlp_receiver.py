"""A receiver of OTLP over HTTP (protobuf): keeps the newest traces in memory, and tells the spans of one.

POST /v1/traces           what an exporter sends
GET  /traces              the traces that are kept, newest first: [{trace_id, spans}]
GET  /traces/{trace_id}   its spans by their start; 404: none is kept

For a stack on this machine and for tests. A span that comes twice is kept once: fanout sends the same one again when it
counts a transaction again. Beyond the bounds the trace that was heard of least lately goes, and of one trace whatever
span comes too many.
"""

import asyncio
import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass

from aiohttp import web
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

TRACES_MAX = 1_000
SPANS_PER_TRACE_MAX = 500
BODY_BYTES_MAX = 8 * 1024 * 1024
PROTOBUF = "application/x-protobuf"


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """One span; ids in hexadecimal, `parent_id` "" for a trace's first; times in Unix nanoseconds."""

    trace_id: str
    span_id: str
    parent_id: str
    service: str  # the process that made it
    name: str
    kind: str  # server, internal, …
    start_ns: int
    end_ns: int
    attributes: Mapping[str, object]
    links: tuple[tuple[str, str], ...]  # trace_id and span_id of each
    is_error: bool


class TraceStore:
    """The newest traces; for any thread."""

    def __init__(self, traces_max: int = TRACES_MAX) -> None:
        self._traces_max = traces_max
        self._traces: OrderedDict[str, dict[str, ReceivedSpan]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, content: bytes) -> None:
        """Keep what one export holds; raises DecodeError when it is none."""
        spans = list(_spans(ExportTraceServiceRequest.FromString(content)))
        with self._lock:
            for span in spans:
                trace = self._traces.setdefault(span.trace_id, {})
                self._traces.move_to_end(span.trace_id)
                if len(trace) < SPANS_PER_TRACE_MAX:
                    trace[span.span_id] = span
            while len(self._traces) > self._traces_max:
                self._traces.popitem(last=False)

    def spans_of(self, trace_id: str) -> list[ReceivedSpan]:
        """The spans of one trace by their start; none for an unknown one."""
        with self._lock:
            return sorted(self._traces.get(trace_id, {}).values(), key=lambda span: (span.start_ns, span.end_ns))

    def trace_ids(self) -> list[str]:
        """The traces that are kept, newest first."""
        with self._lock:
            return list(reversed(self._traces))


def otlp_app(store: TraceStore) -> web.Application:
    """The HTTP side of a store."""

    async def take(request: web.Request) -> web.Response:
        if request.content_type != PROTOBUF:
            raise web.HTTPUnsupportedMediaType(text=f"only {PROTOBUF} is taken")
        try:
            store.take(await request.read())
        except DecodeError as error:
            raise web.HTTPBadRequest(text="this is no ExportTraceServiceRequest") from error
        return web.Response(body=ExportTraceServiceResponse().SerializeToString(), content_type=PROTOBUF)

    async def list_traces(_request: web.Request) -> web.Response:
        kept = [{"trace_id": each, "spans": len(store.spans_of(each))} for each in store.trace_ids()]
        return web.json_response(kept)

    async def show_trace(request: web.Request) -> web.Response:
        spans = store.spans_of(request.match_info["trace_id"])
        if not spans:
            raise web.HTTPNotFound(text="no such trace is kept")
        return web.json_response([asdict(span) for span in spans])

    app = web.Application(client_max_size=BODY_BYTES_MAX)
    app.add_routes(
        [web.post("/v1/traces", take), web.get("/traces", list_traces), web.get("/traces/{trace_id}", show_trace)]
    )
    return app


@dataclass(frozen=True, slots=True)
class OtlpReceiver:
    """A receiver that runs; `endpoint` is what OTEL_EXPORTER_OTLP_ENDPOINT takes."""

    endpoint: str
    store: TraceStore


@contextlib.contextmanager
def otlp_receiver(port: int = 0) -> Iterator[OtlpReceiver]:
    """Run one in a thread of this process until the end of the block; port 0: any that is free."""
    store, started, loop = TraceStore(), threading.Event(), asyncio.new_event_loop()
    runner = web.AppRunner(otlp_app(store), access_log=None)

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        started.set()

    def serve() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=serve, name="otlp receiver")
    thread.start()
    try:
        started.wait()
        yield OtlpReceiver(f"http://127.0.0.1:{runner.addresses[0][1]}", store)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _spans(request: ExportTraceServiceRequest) -> Iterator[ReceivedSpan]:
    for resource in request.resource_spans:
        service = str(_attributes(resource.resource.attributes).get("service.name", ""))
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield _span(span, service)


def _span(span: trace_pb2.Span, service: str) -> ReceivedSpan:
    return ReceivedSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        service=service,
        name=span.name,
        kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        is_error=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, object]:
    """Texts, numbers and truths; what is nested is left out, since nothing of ours is."""
    return {
        pair.key: getattr(pair.value, kind)
        for pair in pairs
        if (kind := pair.value.WhichOneof("value")) and kind not in ("array_value", "kvlist_value", "bytes_value")
    }
