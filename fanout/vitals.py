"""What an operator sees of fanout: metrics, and whether it publishes. Served by a small thread, never by the loop."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
from prometheus_client import Counter, Gauge

from contract import metering, metric_names
from contract.latency_histogram import LatencyHistogram
from contract.readiness import Liveness, readiness
from fanout.counting_lag import CountingLag

ROWS = Counter(metric_names.FANOUT_ROWS, "Votes read from the WAL and counted")
COMMITS = Counter(metric_names.FANOUT_COMMITS, "Transactions whose votes are counted")
FLUSHES = Counter(metric_names.FANOUT_FLUSHES, "Writes to Redis, whatever the number of events in them")
REDIS_FAILURES = Counter(metric_names.FANOUT_REDIS_FAILURES, "Writes to Redis that failed and will be repeated")
REBUILDS = Counter(metric_names.FANOUT_REBUILDS, "Recounts of the whole ledger, by reason", ["reason"])
REPAIRS = Counter(
    metric_names.FANOUT_REPAIRS, "Stored tallies that another hand had changed, written again from memory"
)
FLUSH_SECONDS = LatencyHistogram(
    metric_names.FANOUT_FLUSH_SECONDS, "A flush, until Redis has answered all of it", metric_names.WRITE_BOUNDS_S
).labels()
CHECKPOINT_SECONDS = LatencyHistogram(
    metric_names.FANOUT_CHECKPOINT_SECONDS, "A checkpoint, until Postgres has stored it", metric_names.WRITE_BOUNDS_S
).labels()
CHECKPOINT_UNIX = Gauge(
    metric_names.FANOUT_CHECKPOINT_UNIX_SECONDS, "When the last checkpoint was stored, in Unix seconds"
)
LAG_BYTES = Gauge(metric_names.FANOUT_LAG_BYTES, "WAL in bytes beyond the last checkpoint")
LAG = CountingLag()
LAG_SECONDS = Gauge(
    metric_names.FANOUT_LAG_SECONDS, "Age in seconds of the newest commit that is counted, 0 while nothing more waits"
)
SLOT_RETAINED_BYTES = Gauge(metric_names.FANOUT_SLOT_RETAINED_BYTES, "WAL in bytes that Postgres keeps for the slot")
SLOT_SAFE_BYTES = Gauge(
    metric_names.FANOUT_SLOT_SAFE_BYTES,
    "WAL in bytes that may still be written until the slot is invalidated (max_slot_wal_keep_size), -1 without a limit"
    " and while another process leads",
)
SLOT_SAFE_BYTES.set(-1)

# Longer than any pause. A Postgres that hangs in the midst of a statement takes longer; then a restart costs nothing.
LIVE_WITHIN_S = 120.0


def end_session() -> None:
    """We lead no longer: slot and lag are another's to tell of, and what we measured last would stand for ever."""
    LAG.end()
    LAG_BYTES.set(0)
    SLOT_RETAINED_BYTES.set(0)
    SLOT_SAFE_BYTES.set(-1)


class Vitals:
    """`why_not_ready` is "" while everything that is counted reaches Redis, as far as the loop knows.

    `why_not` also sees when the loop stands still, or lags by more than `lag_max_s`.
    """

    def __init__(self, lag_max_s: float) -> None:
        self.why_not_ready = "starting"
        self._lag_max_s = lag_max_s
        self._passed_at = time.monotonic()
        LAG_SECONDS.set_function(lambda: LAG.seconds(time.time()))
        metering.READY.set_function(lambda: not self.why_not())

    def note_pass(self) -> None:
        """The loop goes on: it does so at least each second, while it waits for something too."""
        self._passed_at = time.monotonic()

    def why_not(self) -> str:
        """Why the numbers are not to be trusted now, or "" ."""
        if self.why_not_ready:
            return self.why_not_ready
        still_s, lag_s = time.monotonic() - self._passed_at, LAG.seconds(time.time())
        if still_s > self._lag_max_s:
            return f"counting has stood still for {still_s:.0f} s"
        return f"counting is {lag_s:.1f} s late" if lag_s > self._lag_max_s else ""

    @property
    def is_alive(self) -> bool:
        """Whether the loop went on within LIVE_WITHIN_S; then a restart would mend nothing."""
        return time.monotonic() - self._passed_at < LIVE_WITHIN_S

    def serve(self, host: str, port: int, *, measuring: bool = True) -> None:
        """Answer /ready, /live and /metrics until the process ends; raises OSError when the port is taken."""
        metering.introduce("fanout", measuring=measuring)
        handler = type("Handler", (_Handler,), {"vitals": self, "measuring": measuring})
        server = ThreadingHTTPServer((host, port), handler)
        threading.Thread(target=server.serve_forever, name="vitals", daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    vitals: Vitals
    measuring: bool
    timeout = 5

    def do_GET(self) -> None:
        if self.path == "/metrics" and self.measuring:
            body, content_type = metering.exposition(self.headers.get("accept"))
            self._answer(200, content_type, body)
        elif self.path == "/ready":
            status, content = readiness(self.vitals.why_not())
            self._answer(status, "application/json", msgspec.json.encode(content))
        elif self.path == "/live":
            alive = self.vitals.is_alive
            self._answer(200 if alive else 503, "application/json", msgspec.json.encode(Liveness(alive)))
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
