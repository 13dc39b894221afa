"""The receiver of traces with its pages, fed by OpenTelemetry's own exporter over HTTP."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import StatusCode, Tracer

from ops.traces.__main__ import traces_app
from ops.traces.otlp_receiver import TraceStore

Client = TestClient[web.Request, web.Application]
HTML = {"Accept": "text/html,*/*"}


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with TestClient(TestServer(traces_app(TraceStore()))) as made:
        yield made


@pytest.fixture
async def tracer(client: Client) -> AsyncIterator[Tracer]:
    """Sends each span as soon as it ends; to be used in a thread, since it waits for the answer."""
    provider = TracerProvider(resource=Resource({"service.name": "command"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(str(client.make_url("/v1/traces")))))
    yield provider.get_tracer("tests")
    await asyncio.to_thread(provider.shutdown)


def vote(tracer: Tracer, name: str, *, failed: bool = False) -> str:
    """A vote with its batch; gives its trace id."""
    with tracer.start_as_current_span(name) as span:
        if failed:
            span.set_status(StatusCode.ERROR)
        with tracer.start_as_current_span("batch", attributes={"votes": 2}):
            pass
    return f"{span.get_span_context().trace_id:032x}"


async def test_a_journey_is_a_page_for_browsers_and_a_tree_for_terminals(client: Client, tracer: Tracer) -> None:
    """What isn't kept is 404 with a line that says why."""
    trace_id = await asyncio.to_thread(vote, tracer, "vote <b>")
    text = await (await client.get(f"/trace/{trace_id}")).text()
    assert [line.split()[2] for line in text.splitlines()[3:]] == ["vote", "batch"]
    assert "votes=2" in text
    page = await client.get(f"/trace/{trace_id}", headers=HTML)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "vote &lt;b&gt;" in await page.text()
    assert (await client.get("/journey.css")).content_type == "text/css"
    unknown = await client.get(f"/trace/{'0' * 32}")
    assert (unknown.status, "no such trace" in await unknown.text()) == (404, True)


async def test_failed_ones_come_first(client: Client, tracer: Tracer) -> None:
    """Then slow ones; by ?newest the newest."""
    ids = [await asyncio.to_thread(vote, tracer, name, failed=name == "bad") for name in ("bad", "good")]
    listed = (await (await client.get("/")).text()).splitlines()
    assert listed[0].startswith(f"{ids[0]}  bad: 2 spans of command, ")
    assert listed[0].endswith(" ms, 1 failed")
    newest = await (await client.get("/?newest")).text()
    assert newest.index(ids[1]) < newest.index(ids[0])
    page = await (await client.get("/", headers=HTML)).text()
    assert f'<a href="/trace/{ids[0]}">' in page
