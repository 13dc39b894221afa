"""Takes the traces of a stack on this machine and shows each vote's journey, without Grafana.

GET /              the journeys that are kept, failed and slow ones first; ?newest: newest first
GET /trace/{id}    one of them: for a browser a waterfall, for curl a tree in text

Beside them what the receiver takes and tells (ops/traces/otlp_receiver.py).

python -m ops.traces
"""

import os
import sys

from aiohttp import web

from contract import settings
from contract.log_settings import Logs
from contract.telemetry import start_logging
from ops.observe.settings import TracesListening
from ops.traces import journey_page, journey_text
from ops.traces.journey import Journey, journey
from ops.traces.otlp_receiver import TraceStore, otlp_app

LISTED_MAX = 100
POLICY = "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'"
FOOTERS = {True: '<a href="/">Failed and slow ones first</a>', False: '<a href="/?newest">Newest first</a>'}


def journeys(store: TraceStore, *, newest: bool) -> list[Journey]:
    """Those that are kept, at most LISTED_MAX: newest first, or failed ones, then slow ones first."""
    kept = [journey(spans) for each in store.trace_ids() if (spans := store.spans_of(each))]
    if not newest:
        kept.sort(key=lambda each: (bool(each.errors), each.took_ns), reverse=True)
    return kept[:LISTED_MAX]


def traces_app(store: TraceStore) -> web.Application:
    """The receiver with its pages."""

    async def show_list(request: web.Request) -> web.Response:
        newest = "newest" in request.query
        listed = journeys(store, newest=newest)
        if _wants_html(request):
            return _html(journey_page.list_page(listed, FOOTERS[newest]))
        return web.Response(text=journey_text.list_text(listed))

    async def show_journey(request: web.Request) -> web.Response:
        spans = store.spans_of(request.match_info["trace_id"])
        if not spans:
            raise web.HTTPNotFound(text="no such trace is kept: it wasn't sampled, or newer ones took its place\n")
        found = journey(spans)
        if _wants_html(request):
            return _html(journey_page.journey_page(found))
        return web.Response(text=journey_text.tree_text(found))

    async def show_style(_request: web.Request) -> web.Response:
        return web.Response(text=journey_page.STYLE.read_text(encoding="utf-8"), content_type="text/css")

    app = otlp_app(store)
    app.add_routes(
        [
            web.get("/", show_list),
            web.get("/trace/{trace_id}", show_journey),
            web.get("/journey.css", show_style),
        ]
    )
    return app


def _wants_html(request: web.Request) -> bool:
    return "text/html" in request.headers.get("Accept", "")


def _html(page: str) -> web.Response:
    return web.Response(text=page, content_type="text/html", headers={"Content-Security-Policy": POLICY})


def main() -> int:
    """Until SIGTERM or SIGINT; exit code 2 with one line when a setting is wrong."""
    try:
        start_logging("traces", settings.read(Logs, os.environ))
        listening = settings.read(TracesListening, os.environ)
    except settings.SettingError as error:
        print(f"traces: {error}", file=sys.stderr)
        return 2
    web.run_app(traces_app(TraceStore()), host=listening.host, port=listening.port, access_log=None, print=None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
