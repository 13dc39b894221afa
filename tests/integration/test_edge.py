"""The real edge with its real configuration, before stand-ins that say which service was asked and with what."""

import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from contract.web.call import calls_of
from ops.openapi import SERVICES as DECLARED
from ops.rig.edge import SERVICES, edge
from ops.rig.eventually import PATIENCE_S

EVENT = "/v1/event/7d3b4c52-0000-4000-8000-000000000000"
TRACE = "0af7651916cd43dd8448eb211c80319c"


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

    do_POST = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815 - http.server looks for these names

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def services() -> Iterator[dict[str, StandIn]]:
    """A stand-in for each service."""
    made = {name: StandIn(name) for name in SERVICES}
    for server in made.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    for server in made.values():
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def edge_port(services: dict[str, StandIn], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The edge before the stand-ins."""
    service_ports = {name: server.server_port for name, server in services.items()}
    with edge(tmp_path_factory.mktemp("caddy"), service_ports) as running:
        yield running.port


def _ask(
    port: int, method: str, path: str, headers: dict[str, str] | None = None, body: Any = None
) -> tuple[http.client.HTTPResponse, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request(method, path, body, headers or {}, encode_chunked=not isinstance(body, bytes | None))
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    return answer, content


CALLS = [
    pytest.param(call.method, call.path, service, id=call.name)
    for service, handlers in zip(SERVICES, DECLARED.values(), strict=True)
    for each in handlers
    for call, _ in calls_of(each)
]
DECLARED_PATHS = {call.path for handlers in DECLARED.values() for each in handlers for call, _ in calls_of(each)}
UNKNOWN = "7d3b4c52-0000-4000-8000-000000000000"


def _spelled(path: str) -> str:
    return re.sub(r"{\w+}", UNKNOWN, path)


@pytest.mark.parametrize(("method", "path", "service"), CALLS)
def test_declared_calls_reach_their_service(edge_port: int, method: str, path: str, service: str) -> None:
    """Each call reaches the service that answers it, also with a slash at its end, and whatever the method."""
    for asked, spelled in ((method, _spelled(path)), (method, f"{_spelled(path)}/"), ("PATCH", _spelled(path))):
        if not (asked == "GET" and spelled.endswith("/stream")):  # which goes on
            _, heard = _ask(edge_port, asked, spelled)
            assert heard["service"] == service, (asked, spelled)


def test_undeclared_paths_reach_nobody(edge_port: int, services: dict[str, StandIn]) -> None:
    """Neighbours of declared paths that no handler declares are 404 by the edge itself."""
    shorter = {path.rpartition("/")[0] for path in DECLARED_PATHS}
    neighbours = shorter | {f"{path}/more" for path in DECLARED_PATHS} | {f"{path}x" for path in DECLARED_PATHS}
    matched = [re.compile(re.sub(r"{\w+}", "[^/]+", path)) for path in DECLARED_PATHS]
    undeclared = {path for path in neighbours if not any(each.fullmatch(path) for each in matched)}
    before = [len(server.heard) for server in services.values()]
    for path in undeclared - {""}:
        assert _ask(edge_port, "GET", _spelled(path))[0].status == 404, path
    assert [len(server.heard) for server in services.values()] == before


@pytest.mark.parametrize(
    "path", ["/metrics", "/ready", "//metrics", "/v1/../metrics", "/v1/%2e%2e/ready", "/v1/x/..%2f..%2fmetrics", "/"]
)
def test_inner_paths_do_not_exist(edge_port: int, services: dict[str, StandIn], path: str) -> None:
    """What isn't in the contract is 404 in the contract's shape, however it is spelled, and reaches nobody."""
    before = [len(server.heard) for server in services.values()]
    answer, content = _ask(edge_port, "GET", path)
    assert answer.status == 404
    assert content["error"]["code"] == "not_found"
    assert answer.headers["X-Trace-Id"] == content["error"]["trace_id"]
    assert [len(server.heard) for server in services.values()] == before


def test_trace_is_continued(edge_port: int) -> None:
    """The edge's own refusals carry the client's trace id, and a malformed one never gets into them."""
    _, known = _ask(edge_port, "GET", "/nothing", {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    _, forged = _ask(edge_port, "GET", "/nothing", {"traceparent": f'00-"{TRACE}-b7ad6b7169203331-01'})
    assert known["error"]["trace_id"] == TRACE
    assert forged["error"]["trace_id"].isalnum()
    assert forged["error"]["trace_id"] != TRACE


def test_client_cannot_say_where_it_comes_from(edge_port: int) -> None:
    """Headers that services trust are taken off; the address is the connection's."""
    forged = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Real-IP": "203.0.113.9",
              "X-Region": "DE", "X-Forwarded-Host": "evil.test"}  # fmt: skip
    _, heard = _ask(edge_port, "POST", "/v1/auth/login", forged, b"{}")
    assert heard["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert not [value for value in heard["headers"].values() if "203.0.113.9" in value or value in ("DE", "evil.test")]


def test_body_up_to_the_limit(edge_port: int) -> None:
    """16 KiB arrive whole, in chunks too."""
    _, plain = _ask(edge_port, "POST", "/v1/auth/login", {}, bytes(16_384))
    _, chunked = _ask(edge_port, "POST", "/v1/auth/login", {"Transfer-Encoding": "chunked"}, iter([bytes(8_192)] * 2))
    assert (plain["body_bytes"], chunked["body_bytes"]) == (16_384, 16_384)


@pytest.mark.parametrize("chunked", [False, True])
def test_larger_body(edge_port: int, services: dict[str, StandIn], chunked: bool) -> None:  # noqa: FBT001 - a case
    """One byte more is 413 in the contract's shape, and no service ever has a whole request."""
    before = len(services["identity"].heard)
    if chunked:
        answer, content = _ask(
            edge_port, "POST", "/v1/auth/login", {"Transfer-Encoding": "chunked"}, iter([bytes(16_384), b"1"])
        )
    else:
        answer, content = _ask(edge_port, "POST", "/v1/auth/login", {}, bytes(16_385))
    assert (answer.status, content["error"]["code"]) == (413, "too_large")
    assert len(services["identity"].heard) == before


def test_stream_arrives_as_it_is_written(edge_port: int, services: dict[str, StandIn]) -> None:
    """The first event of a stream is here while the second isn't yet written."""
    connection = http.client.HTTPConnection("127.0.0.1", edge_port, timeout=PATIENCE_S)
    connection.request("GET", f"{EVENT}/stream")
    answer = connection.getresponse()
    assert answer.readline() == b"data: first\n"
    services["sse"].may_end.set()
    assert answer.read() == b"\ndata: last\n\n"
    connection.close()


def test_trickled_requests_are_cut(edge_port: int, services: dict[str, StandIn]) -> None:
    """Half a header and half a body end by the edge's deadline, although they had begun well; no service sees them."""
    before = len(services["identity"].heard)
    head = b"POST /v1/auth/login HTTP/1.1\r\nHost: here\r\n"
    halves = (head, head + b"Content-Length: 100\r\n\r\n{")
    connections = [socket.create_connection(("127.0.0.1", edge_port), timeout=PATIENCE_S) for _ in halves]
    for connection, half in zip(connections, halves, strict=True):
        connection.sendall(half)
    for connection in connections:
        with connection, connection.makefile("rb") as answer:
            assert b" 200 " not in answer.read()
    assert len(services["identity"].heard) == before


def test_service_that_is_away(tmp_path: Path) -> None:
    """A service that can't be reached is 502 `busy` with Retry-After, safe to repeat, in the contract's shape."""
    with edge(tmp_path, {}) as running:
        answer, content = _ask(running.port, "POST", "/v1/vote/submit", {}, b"{}")
    assert (answer.status, content["error"]["code"]) == (502, "busy")
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
