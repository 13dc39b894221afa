"""What the edge and Sanic refuse under /api/v1 before any handler is asked: always in that dialect's shape."""

import json
import uuid
from urllib.parse import urlsplit

import pytest

from ops.embedded.demo_event import operator
from ops.rig.edge import ask_edge
from ops.rig.running_stack import RunningStack

RESULTS = "/api/v1/results/7d3b4c52-0000-4000-8000-000000000000"
VOTES = "/api/v1/votes"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def voter_token(stack: RunningStack) -> str:
    """Of somebody who may vote, and no more."""
    return str(json.loads(operator(stack.folder.root, ["voters", "--count", "1"]))["token"])


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "refusal"),
    [
        ("GET", "/api/v1/nothing", {}, None, (404, "NOT_FOUND")),
        ("GET", RESULTS, {"X-Much": "x" * 17_000}, None, (431, "HEADERS_TOO_LARGE")),
        ("GET", RESULTS, {"X-Much": "x" * 60_000}, None, (431, "HEADERS_TOO_LARGE")),
        ("GET", f"{RESULTS}?{'x' * 20_000}", {}, None, (431, "HEADERS_TOO_LARGE")),
        ("BREW", RESULTS, {}, None, (405, "METHOD_NOT_ALLOWED")),
        ("DELETE", VOTES, {}, None, (405, "METHOD_NOT_ALLOWED")),
        ("POST", VOTES, JSON, b"{", (400, "INVALID_REQUEST")),
        ("POST", VOTES, JSON, b"\xff", (400, "INVALID_REQUEST")),
        ("POST", VOTES, {"Content-Type": "text/plain"}, b"{}", (400, "INVALID_REQUEST")),
        ("POST", VOTES, {**JSON, "Content-Encoding": "gzip"}, b"{}", (400, "INVALID_REQUEST")),
        ("POST", VOTES, JSON, bytes(17_000), (413, "TOO_LARGE")),
        ("POST", VOTES, {**JSON, "Transfer-Encoding": "chunked"}, [bytes(16_384), b"1"], (413, "TOO_LARGE")),
        ("POST", "/api/v1/auth/login", JSON, b"[1", (400, "INVALID_REQUEST")),
        ("POST", "/api/v1/admin/elections", JSON, b"{}", (403, "FORBIDDEN")),
        ("GET", f"{RESULTS}/more", {}, None, (404, "NOT_FOUND")),
    ],
)
def test_refusals_have_one_shape(
    stack: RunningStack,
    voter_token: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes | list[bytes] | None,
    refusal: tuple[int, str],
) -> None:
    """{code, message, traceId}, the last one that of the header, spelled as a UUID."""
    port = urlsplit(stack.demo["edge_url"]).port or 0
    sent = iter(body) if isinstance(body, list) else body
    answer, content = ask_edge(port, method, path, {"Authorization": f"Bearer {voter_token}", **headers}, sent)
    assert (answer.status, content["code"]) == refusal
    assert set(content) == {"code", "message", "traceId"}
    assert uuid.UUID(content["traceId"]).hex == answer.headers["X-Trace-Id"]
