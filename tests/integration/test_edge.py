"""The real edge with its real configuration, before stand-ins that say which service was asked and with what."""

import http.client
import re
import socket
import threading
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from contract.tracing import trace_id_of
from contract.web.call import BODY_BYTES_MAX, calls_of
from ops.edge.settings import FOLDER
from ops.embedded import ports
from ops.load.vote_requests import SUBMIT
from ops.openapi import SERVICES as DECLARED
from ops.rig.edge import SERVICES, ask_edge, edge
from ops.rig.eventually import PATIENCE_S
from ops.rig.stand_in import StandIn

EVENT = "/v1/event/7d3b4c52-0000-4000-8000-000000000000"
TRACE = "0af7651916cd43dd8448eb211c80319c"


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
    with edge(tmp_path_factory.mktemp("caddy"), _ports(services)) as running:
        yield running.port


def _ports(services: Mapping[str, StandIn]) -> dict[str, int]:
    return {name: server.server_port for name, server in services.items()}


CALLS = [
    pytest.param(call.method, call.path, service, id=call.name)
    for service, handlers in zip(SERVICES, DECLARED.values(), strict=True)
    for each in handlers
    for call, _ in calls_of(each)
]
DECLARED_CALLS = [call for handlers in DECLARED.values() for each in handlers for call, _ in calls_of(each)]
DECLARED_PATHS = {call.path for call in DECLARED_CALLS}
METHODS = {(call.path, call.method) for call in DECLARED_CALLS}
UNKNOWN = "7d3b4c52-0000-4000-8000-000000000000"


def _spelled(path: str) -> str:
    return re.sub(r"{\w+}", UNKNOWN, path)


@pytest.mark.parametrize(("method", "path", "service"), CALLS)
def test_declared_calls_reach_their_service(edge_port: int, method: str, path: str, service: str) -> None:
    """Each call reaches the service that answers it, also with a slash at its end, and by any method."""
    whatever = [] if (path, "PATCH") in METHODS else [("PATCH", _spelled(path))]
    for asked, spelled in ((method, _spelled(path)), (method, f"{_spelled(path)}/"), *whatever):
        if not (asked == "GET" and spelled.endswith("/stream")):  # which goes on
            _, heard = ask_edge(edge_port, asked, spelled)
            assert heard["service"] == service, (asked, spelled)


def test_undeclared_paths_reach_nobody(edge_port: int, services: dict[str, StandIn]) -> None:
    """Neighbours of declared paths that no handler declares are 404 by the edge itself."""
    shorter = {path.rpartition("/")[0] for path in DECLARED_PATHS}
    neighbours = shorter | {f"{path}/more" for path in DECLARED_PATHS} | {f"{path}x" for path in DECLARED_PATHS}
    matched = [re.compile(re.sub(r"{\w+}", "[^/]+", path)) for path in DECLARED_PATHS]
    undeclared = {path for path in neighbours if not any(each.fullmatch(path) for each in matched)}
    before = [len(server.heard) for server in services.values()]
    for path in undeclared - {""}:
        assert ask_edge(edge_port, "GET", _spelled(path))[0].status == 404, path
    assert [len(server.heard) for server in services.values()] == before


def test_vote_waits_for_no_other_path() -> None:
    """Paths are tried in their order, at the cost of every request that comes to them: the vote's is the first."""
    first, *_ = re.findall(r"path_regexp (\S+)", (FOLDER / "Caddyfile").read_text())
    assert re.fullmatch(first, SUBMIT)


def test_votes_leave_room_for_staff() -> None:
    """Caddy counts what is under way at a process whatever the path: beyond the votes' limit staff have some left."""
    votes, *staff = re.findall(r"\timport service \{\$COMMAND_PORT\} (\d+)", (FOLDER / "Caddyfile").read_text())
    assert int(votes) < min(map(int, staff))


@pytest.mark.parametrize(
    "path", ["/metrics", "/ready", "//metrics", "/v1/../metrics", "/v1/%2e%2e/ready", "/v1/x/..%2f..%2fmetrics"]
)
def test_inner_paths_do_not_exist(edge_port: int, services: dict[str, StandIn], path: str) -> None:
    """What isn't in the contract is 404 in the contract's shape, however it is spelled, and reaches nobody."""
    before = [len(server.heard) for server in services.values()]
    answer, content = ask_edge(edge_port, "GET", path)
    assert answer.status == 404
    assert content["error"]["code"] == "not_found"
    assert answer.headers["X-Trace-Id"] == content["error"]["trace_id"]
    assert [len(server.heard) for server in services.values()] == before


@pytest.mark.parametrize("path", ["/api/v1/", "/api/v1/nothing", "/api/v1/votes/more"])
def test_elections_are_refused_in_their_words(edge_port: int, path: str) -> None:
    """What the edge refuses under /api/v1 has that dialect's shape, and the trace id as a UUID."""
    answer, content = ask_edge(edge_port, "GET", path, {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    assert answer.status == 404
    assert content == {"code": "NOT_FOUND", "message": "no such path", "traceId": str(uuid.UUID(TRACE))}
    assert answer.headers["X-Trace-Id"] == TRACE


def test_trace_is_continued(edge_port: int) -> None:
    """The edge's refusals carry the client's trace id, no malformed one; a traceparent goes on alone."""
    _, known = ask_edge(edge_port, "GET", "/nothing", {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    _, forged = ask_edge(edge_port, "GET", "/nothing", {"traceparent": f'00-"{TRACE}-b7ad6b7169203331-01'})
    assert known["error"]["trace_id"] == TRACE
    assert re.fullmatch(f"(?!{TRACE})[0-9a-f]{{32}}", forged["error"]["trace_id"])
    sent = {"Traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "Tracestate": "x=" + "y" * 8_000, "Baggage": "a=b"}
    passed_on = ask_edge(edge_port, "POST", "/v1/auth/login", sent, b"{}")[1]["headers"]
    assert {name: passed_on.get(name) for name in sent} == {**sent, "Tracestate": None, "Baggage": None}


@pytest.mark.parametrize(
    ("traceparent", "continued"),
    [
        (f"00-{TRACE}-b7ad6b7169203331-01", True),
        (f"cc-{TRACE}-b7ad6b7169203331-01-more", True),
        (f"00-{TRACE}-b7ad6b7169203331-01-more", False),
        (f"ff-{TRACE}-b7ad6b7169203331-01", False),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
    ],
)
def test_edge_and_services_agree_on_traces(edge_port: int, traceparent: str, *, continued: bool) -> None:
    """What one of them takes for a trace the other does, too; whatever isn't one gets a new id."""
    _, refused = ask_edge(edge_port, "GET", "/nothing", {"traceparent": traceparent})
    given = refused["error"]["trace_id"]
    assert re.fullmatch(r"(?!0{32})[0-9a-f]{32}", given)
    assert ((given == TRACE), (trace_id_of(traceparent) == TRACE)) == (continued, continued)


def test_client_cannot_say_where_it_comes_from(edge_port: int) -> None:
    """Headers that services trust are taken off; the address is the connection's."""
    forged = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Real-IP": "203.0.113.9",
              "X-Forwarded-Host": "evil.test"}  # fmt: skip
    _, heard = ask_edge(edge_port, "POST", "/v1/auth/login", forged, b"{}")
    assert heard["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert not [value for value in heard["headers"].values() if "203.0.113.9" in value or value == "evil.test"]


@pytest.mark.parametrize(
    ("trusted", "said", "address"),
    [
        ("", "203.0.113.9", "127.0.0.1"),
        ("127.0.0.0/8", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.0/8", "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.0/8 192.0.2.0/24", "198.51.100.7, 203.0.113.9, 192.0.2.4", "203.0.113.9"),
        ("127.0.0.0/8", "198.51.100.7, 203.0.113.9:50123", "203.0.113.9"),
        ("127.0.0.0/8", "2001:db8::7", "2001:db8::7"),
        ("192.0.2.0/24", "203.0.113.9", "127.0.0.1"),
    ],
)
def test_address_behind_a_load_balancer(
    services: dict[str, StandIn], tmp_path: Path, trusted: str, said: str, address: str
) -> None:
    """The last address that no trusted proxy wrote of itself: what a client puts before it counts for nothing."""
    with edge(tmp_path, _ports(services), TRUSTED_PROXIES=trusted) as running:
        _, heard = ask_edge(running.port, "POST", "/v1/auth/login", {"X-Forwarded-For": said}, b"{}")
        assert heard["headers"]["X-Forwarded-For"] == address


def test_both_loopbacks(services: dict[str, StandIn], tmp_path: Path) -> None:
    """Where `localhost` means ::1 first, the edge is there as well."""
    if "::1" not in ports.loopbacks():
        pytest.skip("this machine has no IPv6")
    with edge(tmp_path, _ports(services), EDGE_BIND="127.0.0.1 [::1]") as running:
        for host, address in (("127.0.0.1", "127.0.0.1"), ("::1", "::1")):
            _, heard = ask_edge(running.port, "GET", "/v1/events", host=host)
            assert heard["headers"]["X-Forwarded-For"] == address


def test_cookies_end_at_the_edge(edge_port: int) -> None:
    """However many a browser has for this domain, they cost no request, and no service sees them."""
    answer, heard = ask_edge(edge_port, "GET", "/v1/events", {"Cookie": "a=" + "b" * 40_000})
    assert answer.status == 200
    assert "Cookie" not in heard["headers"]


def test_log_tells_of_nobody(services: dict[str, StandIn], tmp_path: Path) -> None:
    """Of viewers who leave, bodies that end early and services that are away no line says who asked, or with what."""
    away = ports.choose(["query"], {})
    secret = {"Authorization": "Bearer secret", "X-Forwarded-For": "203.0.113.9"}
    with edge(tmp_path, {**_ports(services), **away}, TRUSTED_PROXIES="127.0.0.0/8") as running:
        services["sse"].may_end.clear()
        for head in (
            f"GET {EVENT}/stream?ticket=secret HTTP/1.1\r\n",
            "POST /v1/auth/login HTTP/1.1\r\nContent-Length: 100\r\n",
            "POST /v1/event/create HTTP/1.1\r\nContent-Length: 100000\r\n",
        ):
            address = ("127.0.0.77", 0)
            with socket.create_connection(("127.0.0.1", running.port), PATIENCE_S, address) as viewer:
                viewer.sendall(f"{head}Host: a\r\nAuthorization: Bearer secret\r\n\r\n{{".encode())
                if head.startswith("GET"):
                    assert viewer.recv(10)
        services["sse"].may_end.set()
        assert ask_edge(running.port, "GET", "/v1/events?ticket=secret", secret)[0].status == 502
        running.process.stop()
        said = running.process.said()
    assert [line for line in said if re.search(r"127\.0\.0\.77|203\.0\.113|secret|aborting", line)] == []


def test_body_up_to_the_limit(edge_port: int) -> None:
    """16 KiB arrive whole, in chunks too."""
    _, plain = ask_edge(edge_port, "POST", "/v1/auth/login", {}, bytes(16_384))
    _, chunked = ask_edge(
        edge_port, "POST", "/v1/auth/login", {"Transfer-Encoding": "chunked"}, iter([bytes(8_192)] * 2)
    )
    assert (plain["body_bytes"], chunked["body_bytes"]) == (16_384, 16_384)


LIMITS = {(call.method, call.path): call.body_bytes_max for call in DECLARED_CALLS if call.body}


@pytest.mark.parametrize(("method", "path"), LIMITS)
def test_body_limit_is_the_declared_one(edge_port: int, method: str, path: str) -> None:
    """Each call takes bodies of the size that its handler declares, and no more; 413 says how much that is."""
    limit = LIMITS[method, path]
    assert ask_edge(edge_port, method, _spelled(path), {}, bytes(limit))[1]["body_bytes"] == limit
    for framing, body in (({}, bytes(limit + 1)), ({"Transfer-Encoding": "chunked"}, iter([bytes(limit), b"1"]))):
        answer, content = ask_edge(edge_port, method, _spelled(path), framing, body)
        error = content if path.startswith("/api/v1/") else content["error"]
        assert (answer.status, error["code"].lower()) == (413, "too_large")
        assert ("1 MiB" if limit > BODY_BYTES_MAX else "16 KiB") in error["message"]


@pytest.mark.parametrize("chunked", [False, True])
def test_larger_body(edge_port: int, services: dict[str, StandIn], chunked: bool) -> None:  # noqa: FBT001 - a case
    """One byte more is 413 in the contract's shape, and no service ever has a whole request."""
    before = len(services["identity"].heard)
    if chunked:
        answer, content = ask_edge(
            edge_port, "POST", "/v1/auth/login", {"Transfer-Encoding": "chunked"}, iter([bytes(16_384), b"1"])
        )
    else:
        answer, content = ask_edge(edge_port, "POST", "/v1/auth/login", {}, bytes(16_385))
    assert (answer.status, content["error"]["code"]) == (413, "too_large")
    assert len(services["identity"].heard) == before


@pytest.mark.parametrize(("method", "path"), [call for call, limit in LIMITS.items() if limit > BODY_BYTES_MAX])
def test_what_says_that_it_is_too_large_goes_nowhere(edge_port: int, method: str, path: str) -> None:
    """A large body that is announced too large is 413 before any of it has come: no service cuts it off midway."""
    answer, content = ask_edge(edge_port, method, _spelled(path), {"Content-Length": str(LIMITS[method, path] + 1)})
    assert (answer.status, content["error"]["code"]) == (413, "too_large")


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
        answer, content = ask_edge(running.port, "POST", "/v1/vote/submit", {}, b"{}")
        _, of_election = ask_edge(running.port, "POST", "/api/v1/votes", {}, b"{}")
    assert (answer.status, content["error"]["code"]) == (502, "busy")
    assert of_election["code"] == "BUSY"
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
