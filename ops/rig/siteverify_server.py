"""A captcha's provider on this machine: it knows one secret, and takes each right token once, as Turnstile does."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from ops.rig.eventually import PATIENCE_S

SECRET = "of-the-provider"  # noqa: S105  # of a stand-in


class SiteVerifyServer(ThreadingHTTPServer):
    """Tokens that begin with `right` are right, once; what it was asked is kept."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.forms: list[dict[str, str]] = []
        self.secret = SECRET
        self.status = 200
        self.answer: bytes | None = None  # whatever else it shall say
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.most_at_once = self.at_once = 0
        self.counting = threading.Lock()

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.server_port}/siteverify"

    def verdict(self, form: dict[str, str]) -> dict[str, object]:
        """Its word on this form."""
        if form.get("secret") != self.secret:
            return {"success": False, "error-codes": ["invalid-input-secret"]}
        key = ("response", "idempotency_key")
        asked = [tuple(map(each.get, key)) for each in self.forms]
        if not form["response"].startswith("right"):
            return {"success": False, "error-codes": ["invalid-input-response"]}
        used = any(
            response == form["response"] and (again is None or again != form.get("idempotency_key"))
            for response, again in asked
        )
        return {"success": not used, "error-codes": ["timeout-or-duplicate"] if used else []}

    def handle_error(self, *_: object) -> None:
        """Who asks may lose patience: that is what some of these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SiteVerifyServer

    def do_POST(self) -> None:
        """The one call."""
        content = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        form = {name: values[0] for name, values in parse_qs(content).items()}
        with self.server.counting:
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
        self.server.may_answer.wait(PATIENCE_S)
        with self.server.counting:
            self.server.at_once -= 1
            answer = self.server.answer or json.dumps(self.server.verdict(form)).encode()
            self.server.forms.append(form)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def siteverify_server() -> Iterator[SiteVerifyServer]:
    """Run one until the end of the block."""
    with SiteVerifyServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.may_answer.set()
            server.shutdown()
            thread.join()
