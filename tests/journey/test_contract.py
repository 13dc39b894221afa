"""Each documented call is there behind the edge and answers as documented, also to a stranger who sends nonsense."""

import re
from typing import Any

import aiohttp
import msgspec
import orjson
import pytest

from contract.web.dialect import Refusal
from ops.openapi import DOCUMENT
from ops.rig.running_stack import RunningStack

UNKNOWN = "00000000-0000-4000-8000-000000000000"
CALLS = [
    pytest.param(path, method, call["responses"], id=call["operationId"])
    for path, calls in orjson.loads(DOCUMENT.read_bytes())["paths"].items()
    for method, call in calls.items()
]


@pytest.mark.parametrize(("path", "method", "documented"), CALLS)
@pytest.mark.parametrize("bearer", ["", "Bearer nonsense"])
@pytest.mark.parametrize("parameter", [UNKNOWN, "nonsense"])
async def test_call_answers_as_documented(
    stack: RunningStack, path: str, method: str, documented: dict[str, Any], bearer: str, parameter: str
) -> None:
    """The status is a documented one, and a refusal has the one shape and a code that is documented for its status."""
    headers = {"Content-Type": "application/json", **({"Authorization": bearer} if bearer else {})}
    url = stack.demo["edge_url"] + re.sub(r"{\w+}", parameter, path)
    body = b"{}" if method in ("post", "patch") else None
    async with aiohttp.ClientSession() as session, session.request(method, url, data=body, headers=headers) as answer:
        content = await answer.read()
        assert str(answer.status) in documented, content
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Trace-Id"])
        if answer.status >= 400:
            refusal = msgspec.json.decode(content, type=Refusal)
            assert f"`{refusal.error.code}`" in documented[str(answer.status)]["description"]
            assert refusal.error.trace_id == answer.headers["X-Trace-Id"]
            assert (refusal.error.message == "no such path") <= ("{name}" in path), "the edge doesn't route it"
        else:
            assert answer.content_type in documented[str(answer.status)]["content"]
