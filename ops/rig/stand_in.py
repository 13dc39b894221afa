"""Stand-ins for the services behind the edge: they say which of them was asked and with what."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ops.rig.eventually import PATIENCE_S


class StandIn(ThreadingHTTPServer):
    """Answers every request with its own name and what it was sent; streams slowly on request."""

    daemon_threads = True

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), StandInHandler)
        self.name = name
        self.heard: list[str] = []
        self.may_end = threading.Event()

    def handle_error(self, *_: object) -> None:
        """A request that ends early is what some of these tests are about."""


class StandInHandler(BaseHTTPRequestHandler):
    """One request to a stand-in."""

    protocol_version = "HTTP/1.1"
    server: StandIn
    timeout = PATIENCE_S

    def _answer(self) -> None:
        body_bytes = self._read_body()
        self.server.heard.append(self.path)
        heard = {"service": self.server.name, "headers": dict(self.headers), "body_bytes": body_bytes}
        content = json.dumps(heard).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _read_body(self) -> int:
        """All of it, however it is framed; raises ValueError when it ends early."""
        if "Transfer-Encoding" not in self.headers:
            length = int(self.headers.get("Content-Length", 0))
            if len(self.rfile.read(length)) < length:
                raise ValueError("the body ended early")
            return length
        total = 0
        while length := int(self.rfile.readline(), 16):
            total += len(self.rfile.read(length + 2)) - 2
        self.rfile.readline()
        return total

    def do_GET(self) -> None:
        """A stream where one is asked for."""
        if not self.path.endswith("/stream"):
            return self._answer()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"data: first\n\n")
        self.server.may_end.wait(PATIENCE_S)
        self.wfile.write(b"data: last\n\n")
        return None

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815 - http.server looks for these names

    def log_message(self, *_: object) -> None:
        """Says nothing."""
