"""One vote with a given traceparent: its spans, as a real receiver of OTLP gets them, are one connected trace."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from contract.tracing import SpanContext, new_span_id
from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.people import TokenMint
from ops.rig.service import Service, command_process, read_process
from ops.rig.stream_messages import messages
from ops.rig.votes import vote_of
from ops.traces.otlp_receiver import OtlpReceiver, ReceivedSpan, otlp_receiver

ONE_TRY = {"POST /v1/vote/submit", "vote batch", "cast_votes", "tally", "deliver"}


@dataclass(frozen=True)
class Road:
    """All processes between a vote and a viewer, and who collects their spans."""

    receiver: OtlpReceiver
    command: Service
    fanout: FanoutProcess
    sse: Service
    query: Service
    event: Event
    mint: TokenMint

    @contextlib.asynccontextmanager
    async def viewer(self) -> AsyncIterator[AsyncIterator[list[str]]]:
        """One of the staff who watches: the traceparents of each frame after the first. The public is told none of a
        single vote.
        """

        async def traces(response: aiohttp.ClientResponse) -> AsyncIterator[list[str]]:
            async for message in messages(response):
                yield message.data.get("traces", [])

        async with (
            aiohttp.ClientSession(self.sse.url) as session,
            session.get(f"/v1/event/{self.event.event_id}/stream", headers=self.mint.voter("host").headers) as response,
        ):
            frames = traces(response)
            assert await anext(frames) == []
            yield frames

    async def vote(self, client: SpanContext) -> None:
        """Cast a vote from this client's span."""
        voter = self.mint.voter()
        headers = {
            **voter.headers,
            "Content-Type": "application/json",
            "traceparent": client.traceparent,
            "tracestate": "other=1",
        }
        async with (
            aiohttp.ClientSession(self.command.url) as session,
            session.post("/v1/vote/submit", data=json.dumps(vote_of(voter, self.event)), headers=headers) as answer,
        ):
            assert (answer.status, answer.headers["X-Trace-Id"]) == (200, client.trace_id)

    async def report_paint(self, traceparent: str) -> None:
        """Say as a page does that it has painted what a frame named; made-up words change nothing."""
        paints = [{"traceparent": each, "took_ms": 0} for each in (traceparent, "made up")]
        path = f"/live/{self.event.event_id}/seen"
        async with (
            aiohttp.ClientSession(self.query.url) as session,
            session.post(path, json={"delays_ms": [], "paints": paints}) as answer,
        ):
            assert answer.status == 200

    def spans(self, client: SpanContext, names: set[str]) -> list[ReceivedSpan]:
        """The trace, after all processes were told to end: what waits to be sent goes out then, and is all of these."""
        for each in (self.command.process, self.fanout, self.sse.process, self.query.process):
            each.stop()
        spans = self.receiver.store.spans_of(client.trace_id)
        assert {span.name for span in spans} >= names
        return spans


@pytest.fixture
def road(tmp_path: Path, database: Database, redis_url: str, mint: TokenMint) -> Iterator[Road]:
    with contextlib.ExitStack() as running, psycopg.connect(database.url(), autocommit=True) as connection:
        receiver = running.enter_context(otlp_receiver())
        traced: dict[str, Any] = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "600000"}
        fanout = FanoutProcess(database.url("vote_fanout"), redis_url, **traced)
        running.enter_context(fanout.running())
        voting = command_process(tmp_path, database.url("vote_command"), mint, **traced)
        streams = read_process("query.streams", tmp_path, database.url("vote_query"), redis_url, mint, **traced)
        reads = read_process("query.reads", tmp_path, database.url("vote_query"), redis_url, mint, **traced)
        command, sse, query = map(running.enter_context, (voting, streams, reads))
        yield Road(receiver, command, fanout, sse, query, make_event(connection), mint)


def check_connected(spans: list[ReceivedSpan], client: SpanContext) -> None:
    """Every span hangs on another one of the trace or on the client's, none begins before what it hangs on."""
    by_id = {span.span_id: span for span in spans}
    assert len(by_id) == len(spans)
    for span in spans:
        assert span.trace_id == client.trace_id
        assert span.parent_id == client.span_id or span.parent_id in by_id
        if span.parent_id in by_id:
            assert span.start_ns >= by_id[span.parent_id].start_ns
    assert [span.name for span in spans if span.parent_id == client.span_id] == ["POST /v1/vote/submit"]


def parents(spans: list[ReceivedSpan]) -> set[tuple[str, str]]:
    """Names of spans, each with that of its parent ("" for the client's)."""
    names = {span.span_id: span.name for span in spans}
    return {(span.name, names.get(span.parent_id, "")) for span in spans}


def client_span() -> SpanContext:
    return SpanContext(new_span_id() + new_span_id(), new_span_id())


async def test_a_vote_is_one_trace_from_http_to_the_frame(road: Road) -> None:
    """Request, batch, try, tally beyond the WAL, delivery and the page's paint hang together; the frame names it."""
    client = client_span()
    async with road.viewer() as frames:
        await road.vote(client)
        (named,) = await _first_named(frames)
    await road.report_paint(named)
    spans = await asyncio.to_thread(road.spans, client, {*ONE_TRY, "paint"})
    check_connected(spans, client)
    assert parents(spans) == {
        ("POST /v1/vote/submit", ""),
        ("vote batch", "POST /v1/vote/submit"),
        ("cast_votes", "vote batch"),
        ("tally", "vote batch"),
        ("deliver", "tally"),
        ("paint", "deliver"),
    }
    (delivered,) = [span for span in spans if span.name == "deliver"]
    assert named == SpanContext(client.trace_id, delivered.span_id).traceparent
    assert {span.service for span in spans} == {"command", "fanout", "sse", "query"}
    assert delivered.attributes["vote.stream.clients"] == 1


async def test_a_retried_batch_and_a_fanout_that_was_away_break_no_trace(road: Road, database: Database) -> None:
    """The first try loses its connection, fanout is killed before the commit: the trace has both tries and goes on."""
    client = client_span()
    road.fanout.kill()
    async with road.viewer() as frames:
        with psycopg.connect(database.url()) as holder:  # nobody gets into the event: the batch waits
            holder.execute("SELECT pg_advisory_xact_lock(event_lock_class(), %s)", [road.event.event_no])
            voting = asyncio.create_task(road.vote(client))
            await asyncio.to_thread(_end_waiting_writer, database)
        await voting
        await asyncio.to_thread(road.fanout.start)
        assert await _first_named(frames)
    spans = await asyncio.to_thread(road.spans, client, ONE_TRY)
    check_connected(spans, client)
    tries = [span for span in spans if span.name == "cast_votes"]
    assert [each.is_error for each in tries] == [*[True] * (len(tries) - 1), False]
    assert len(tries) > 1
    (line,) = [json.loads(each) for each in road.command.process.said() if "a batch has to go again" in each]
    assert line["trace_ids"] == [client.trace_id]
    assert [span.name for span in spans].count("tally") == 1


async def _first_named(frames: AsyncIterator[list[str]]) -> list[str]:
    """What the first frame names that names traces."""
    return await anext(traces async for traces in frames if traces)


def _end_waiting_writer(database: Database) -> None:
    waiting = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'vote_writer' AND wait_event = 'advisory'"
    )
    with psycopg.connect(database.url(), autocommit=True) as connection:
        eventually(lambda: bool(connection.execute(waiting).fetchall()), "a batch waits")
