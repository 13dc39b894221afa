"""Who is traced, what a traceparent is worth, and that none of it can stop or slow anybody."""

import asyncio
import contextvars
import logging
import subprocess
import sys
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import pytest
from sanic import Request

from command.votes import batch_trace
from command.votes.batch_trace import BatchTrace
from command.votes.vote_batcher import EventKey, PendingVote
from contract.settings import SettingError, read
from contract.span_export import SPANS, SpanExport
from contract.trace_settings import Tracing
from contract.tracing import Incoming, RateBound, Sampler, Span, SpanContext, Tracer, context_of
from contract.wal_trace import TRACED_VOTES_MAX, TracedVote, trace_entry, traced_votes
from contract.web.answering import name_trace
from fanout.traces_under_way import EVENTS_MAX, PER_EVENT_MAX, TracesUnderWay
from fanout.wal_decoder import CountKey, Transaction
from query.streams.traced_push import HEARD_MAX, HeardTraces

CLIENT = SpanContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
ENTRY = trace_entry(CLIENT).encode()


def settings(**variables: str) -> Tracing:
    return read(Tracing, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", **variables})


class Collected:
    """A sink that keeps all."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def take(self, span: Span) -> None:
        """As they come."""
        self.spans.append(span)

    def stop(self) -> None:
        """Nothing waits."""


def tracer(**variables: str) -> tuple[Tracer, Collected]:
    made, sink = Tracer(), Collected()
    made.begin(Sampler(settings(**variables), clock=lambda: 7.5), sink)
    return made, sink


@pytest.mark.parametrize(
    ("sampler", "share", "flags", "sampled"),
    [
        ("parentbased_traceidratio", "0", "01", True),
        ("parentbased_traceidratio", "1", "00", False),
        ("parentbased_traceidratio", "1", None, True),
        ("parentbased_traceidratio", "0", None, False),
        ("parentbased_always_on", "0", None, True),
        ("parentbased_always_off", "1", "ff", True),
        ("traceidratio", "0", "01", False),
        ("traceidratio", "1", "00", True),
        ("always_on", "0", "00", True),
        ("always_off", "1", "01", False),
    ],
)
def test_a_client_or_the_share_decides(sampler: str, share: str, flags: str | None, *, sampled: bool) -> None:
    """A client's flag counts where the sampler is parentbased, the share where there is none or it doesn't count."""
    made, _ = tracer(OTEL_TRACES_SAMPLER=sampler, OTEL_TRACES_SAMPLER_ARG=share)
    given = f"00-{CLIENT.trace_id}-{CLIENT.span_id}-{flags}" if flags else ""
    incoming = made.admit(given, 0.0)
    assert incoming.sampled is sampled
    assert (incoming.trace_id == CLIENT.trace_id, incoming.parent_id) == (bool(flags), CLIENT.span_id if flags else "")


def test_clients_can_force_so_many_traces_a_second() -> None:
    """The fourth in a second isn't traced for its flag; its trace id is kept all the same."""
    made, _ = tracer(OTEL_TRACES_SAMPLER_ARG="0", CLIENT_TRACES_PER_S_MAX="3")
    admitted = [made.admit(CLIENT.traceparent, 0.0) for _ in range(4)]
    assert [each.sampled for each in admitted] == [True, True, True, False]
    assert {each.trace_id for each in admitted} == {CLIENT.trace_id}


def test_a_bound_begins_anew_each_second() -> None:
    """What wasn't used isn't saved."""
    now = 0.0
    bound = RateBound(2, lambda: now)
    assert [bound.allows() for _ in range(3)] == [True, True, False]
    now = 5.0
    assert [bound.allows() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("status", "ago_s", "kept"),
    [(200, 0.0, False), (409, 0.0, False), (500, 0.0, True), (503, 0.0, True), (200, 2.0, True)],
)
def test_errors_and_slow_ones_are_kept(status: int, ago_s: float, *, kept: bool) -> None:
    """What isn't sampled leaves a span if it was an error or took longer than the setting, below its client's."""
    made, sink = tracer(OTEL_TRACES_SAMPLER_ARG="0", TRACE_SLOW_MS="1000")
    incoming = made.admit(CLIENT.traceparent.removesuffix("1") + "0", ago_s)
    if made.wants(incoming, status):
        made.answered(incoming, "POST /x", {}, is_error=status >= 500)
    assert [(span.context.trace_id, span.parent_id) for span in sink.spans] == [CLIENT] * kept
    assert all(span.end_ns - span.start_ns >= ago_s * 1e9 for span in sink.spans)


def test_a_storm_of_errors_leaves_so_many_spans() -> None:
    """No more are kept than the setting says; by always_off none."""
    made, _ = tracer(OTEL_TRACES_SAMPLER_ARG="0", KEPT_TRACES_PER_S_MAX="5")
    assert sum(made.wants(made.admit("", 0.0), 503) for _ in range(100)) == 5
    off, _ = tracer(OTEL_TRACES_SAMPLER="always_off")
    assert not off.wants(off.admit("", 9.0), 503)


@pytest.mark.parametrize(
    "given",
    ["", "00", CLIENT.traceparent[:-1], CLIENT.traceparent.upper(), f"00-{'0' * 32}-{CLIENT.span_id}-01",
     f"00-{CLIENT.trace_id}-{'0' * 16}-01", "ff" + CLIENT.traceparent[2:], CLIENT.traceparent + "-x", "ü" * 55,
     ",".join([CLIENT.traceparent] * 2)],
)  # fmt: skip
def test_a_malformed_traceparent_is_none(given: str) -> None:
    """It begins a new trace, and forces nothing."""
    made, _ = tracer(OTEL_TRACES_SAMPLER_ARG="0")
    incoming = made.admit(given, 0.0)
    assert (incoming.sampled, incoming.parent_id) == (False, "")
    assert incoming.trace_id != CLIENT.trace_id
    assert context_of(given) is None


def test_an_unsampled_context_is_passed_on_to_nobody() -> None:
    """Neither from a request nor from a traceparent."""
    assert context_of(CLIENT.traceparent.removesuffix("1") + "0") is None
    assert Incoming(CLIENT.trace_id, CLIENT.span_id).context is None


@pytest.mark.parametrize(
    "variables",
    [{"OTEL_TRACES_SAMPLER": "jaeger_remote"}, {"OTEL_TRACES_SAMPLER_ARG": "2"}, {"OTEL_TRACES_SAMPLER_ARG": "nan"},
     {"OTEL_SDK_DISABLED": "1"}, {"VOTE_MODE": "production", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}],
)  # fmt: skip
def test_a_wrong_setting_is_refused(variables: dict[str, str]) -> None:
    """By one line that names it."""
    with pytest.raises(SettingError, match="OTEL_"):
        settings(**variables)


def test_off_means_off() -> None:
    """Without an endpoint, or disabled, no span is made and what would send it isn't even imported."""
    assert not read(Tracing, {}).is_on
    assert not settings(OTEL_SDK_DISABLED="true").is_on
    program = (
        "import sys, command.__main__, fanout.__main__, query.streams.__main__, query.reads.__main__;"
        "sys.exit(any(name.startswith(('opentelemetry.exporter', 'opentelemetry.sdk.trace')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_dead_receiver_costs_spans_and_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """More spans than fit are taken at once; stopping ends, though nobody answers; the log says it once."""
    export = SpanExport("command", settings(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://127.0.0.1:9/v1/traces"))
    made = SPANS.labels("made")._value.get()
    for _ in range(3_000):
        export.take(Span("x", CLIENT.child(), CLIENT.span_id, 1, 2))
    export.stop()
    assert SPANS.labels("made")._value.get() - made == 3_000
    assert len(caplog.records) <= 1


def vote(trace: SpanContext | None) -> PendingVote:
    answer = asyncio.get_running_loop().create_future()
    return PendingVote(EventKey(1, UUID(int=1)), 1, b"v" * 12, 1, None, None, answer, trace=trace)


async def test_a_batch_names_its_traced_votes(monkeypatch: pytest.MonkeyPatch) -> None:
    """By their places in this very try, a bounded number; each has a batch span that links to the others' requests."""
    made, sink = tracer()
    monkeypatch.setattr(batch_trace, "TRACER", made)
    votes = [vote(None), vote(CLIENT), vote(None), vote(SpanContext("a" * 32, "b" * 16))]
    trace = BatchTrace(votes)
    assert trace.columns(votes)["traced"] == [2, 4]
    assert trace.columns(votes[2:])["traced"] == [2]
    assert trace.columns([votes[0]]) == {}
    trace.begin_try()
    trace.end_try("ConnectionError")
    trace.begin_try()
    trace.end_try("committed", is_error=False)
    trace.end()
    first = [span for span in sink.spans if span.context.trace_id == CLIENT.trace_id]
    assert [(span.name, span.is_error) for span in first] == [
        ("cast_votes", True), ("cast_votes", False), ("vote batch", False)]  # fmt: skip
    assert (first[2].parent_id, first[2].links) == (CLIENT.span_id, [SpanContext("a" * 32, "b" * 16)])
    assert {span.parent_id for span in first[:2]} == {first[2].context.span_id}
    many = BatchTrace([vote(CLIENT.child()) for _ in range(500)])
    assert len(many.contexts) == TRACED_VOTES_MAX
    many.end()
    assert {len(span.links) for span in sink.spans[-TRACED_VOTES_MAX:]} == {batch_trace.LINKS_MAX}


def test_a_span_that_cannot_be_kept_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a sink raises, what was traced goes on, and the log says it."""

    class Broken(Collected):
        def take(self, span: Span) -> None:
            raise RuntimeError(span.name)

    made = Tracer()
    made.begin(Sampler(settings()), Broken())
    made.emit(Span("x", CLIENT.child(), CLIENT.span_id, 1, 2))
    assert [record.message for record in caplog.records] == ["a span is lost"]


@pytest.mark.parametrize(
    "content",
    [b"", b"1", b"1 ", b"x " + ENTRY, b"1 " + ENTRY[:-1], b"\xff\x00" * 40, b"1 " + ENTRY + b" ",
     b"12345678901 " + ENTRY, b"1 " + b" ".join([ENTRY] * (TRACED_VOTES_MAX + 1))],
)  # fmt: skip
def test_bad_bytes_in_the_wal_are_nobodys_trace(content: bytes) -> None:
    """And no reason to stop."""
    assert traced_votes(content) == ()


def transaction(lsn: int, *traces: TracedVote) -> Transaction:
    return Transaction(lsn, 1_000, {CountKey(each.event_no, 1): 1 for each in traces}, {}, traces)


def test_a_trace_goes_out_once_with_its_event() -> None:
    """What failed to be written waits for the next time; what has gone out waits no more."""
    under_way = TracesUnderWay()
    under_way.take(transaction(8, TracedVote(1, CLIENT), TracedVote(2, CLIENT)))
    assert under_way.traceparents(1) == [CLIENT.traceparent]
    assert list(under_way.take_published(but={2})) == [1]
    assert (under_way.traceparents(1), under_way.traceparents(2)) == ([], [CLIENT.traceparent])
    assert list(under_way.take_published(but=())) == [2]


def test_a_trace_without_a_vote_is_nobodys() -> None:
    """A message that names an event of which its commit has no vote is passed over: nobody may know that event."""
    under_way = TracesUnderWay()
    under_way.take(Transaction(8, 1_000, {CountKey(1, 1): 1}, {}, (TracedVote(2, CLIENT),)))
    assert list(under_way.take_published(but=())) == []


def test_what_is_counted_again_is_the_same_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart the tally of the same vote at the same place in the WAL has the same id; elsewhere another."""
    monkeypatch.setattr("fanout.traces_under_way.TRACER", tracer()[0])

    def of(lsn: int) -> list[str]:
        under_way = TracesUnderWay()
        under_way.take(transaction(lsn, TracedVote(1, CLIENT)))
        return under_way.traceparents(1)

    assert of(8) == of(8) != of(9)
    assert CLIENT.span_id not in of(8)[0]


def test_traces_that_wait_are_bounded() -> None:
    """So many of an event, of so many events; and so many that a stream's event hears of."""
    under_way, heard = TracesUnderWay(), HeardTraces()
    under_way.take(transaction(8, *(TracedVote(no, CLIENT) for no in range(2 * EVENTS_MAX))))
    under_way.take(transaction(9, *[TracedVote(1, CLIENT)] * 64))
    assert len(under_way.traceparents(1)) == PER_EVENT_MAX
    assert len(under_way.take_published(but=())) == EVENTS_MAX
    heard.hear(["rubbish", *[CLIENT.traceparent] * 50])
    heard.hear([CLIENT.traceparent])
    taken = heard.take()
    assert 0 < len(taken) <= HEARD_MAX
    assert heard.take() == []


def test_lines_of_the_log_name_the_request() -> None:
    """What is logged while a request is answered carries its trace id; what names another one keeps it."""

    def named(**extra: str) -> object:
        record = logging.makeLogRecord(extra)
        assert name_trace(record)
        return vars(record).get("trace_id")

    def answering() -> None:
        Request._current.set(cast("Request", SimpleNamespace(ctx=SimpleNamespace(trace=Incoming(CLIENT.trace_id)))))
        assert (named(), named(trace_id="other")) == (CLIENT.trace_id, "other")

    contextvars.copy_context().run(answering)
    assert named() is None
