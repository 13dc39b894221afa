"""What an operator sees of fanout: metrics, and whether it publishes. Served by a small thread, never by the loop."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, generate_latest

from contract import metric_names
from contract.readiness import readiness

ROWS = Counter(metric_names.FANOUT_ROWS, "Votes read from the WAL and counted")
COMMITS = Counter(metric_names.FANOUT_COMMITS, "Transactions counted")
FLUSHES = Counter(metric_names.FANOUT_FLUSHES, "Writes to Redis, whatever the number of events in them")
REDIS_FAILURES = Counter(metric_names.FANOUT_REDIS_FAILURES, "Writes to Redis that failed and will be repeated")
REBUILDS = Counter(metric_names.FANOUT_REBUILDS, "Recounts of the whole ledger, by reason", ["reason"])
REPAIRS = Counter(
    metric_names.FANOUT_REPAIRS, "Stored tallies that another hand had changed, written again from memory"
)
LAG_BYTES = Gauge(metric_names.FANOUT_LAG_BYTES, "WAL beyond the last checkpoint")
CHECKPOINT_UNIX = Gauge(
    metric_names.FANOUT_CHECKPOINT_UNIX_SECONDS, "When the last checkpoint was stored, in Unix seconds"
)


class Vitals:
    """`why_not_ready` is "" while everything that is counted reaches Redis."""

    def __init__(self) -> None:
        self.why_not_ready = "starting"

    def serve(self, host: str, port: int) -> None:
        """Answer /ready and /metrics until the process ends; raises OSError when the port is taken."""
        handler = type("Handler", (_Handler,), {"vitals": self})
        server = ThreadingHTTPServer((host, port), handler)
        threading.Thread(target=server.serve_forever, name="vitals", daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    vitals: Vitals
    timeout = 5

    def do_GET(self) -> None:
        if self.path == "/metrics":
            self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
        elif self.path == "/ready":
            status, content = readiness(self.vitals.why_not_ready)
            self._answer(status, "application/json", msgspec.json.encode(content))
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class' name
        """Scrapes are not worth a line."""

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
