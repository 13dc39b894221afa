"""What Schemathesis needs to know of us: an admin's access token, anew before it ends, and ids that exist.

It is loaded by `ops.conformance_run`, by the name in SCHEMATHESIS_HOOKS. Of the ids in paths and bodies every other one
is replaced by one that the stack has, since drawn ones are never found.
"""

import functools
import json
import os
import random
import urllib.request
from pathlib import Path
from typing import Any

import schemathesis

from ops.embedded.readiness import DIRECTLY

REFRESH_S = 300


def _ask(path: str, body: object = None) -> Any:
    """The JSON that the stack answers."""
    headers = {"Content-Type": "application/json"}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{_demo()['edge_url']}{path}", content, headers)  # our own address
    with DIRECTLY.open(request) as response:
        return json.load(response)


@functools.cache
def _demo() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((Path(os.environ["DATA_DIR"]) / "demo.json").read_text())
    return content


@functools.cache
def _known() -> dict[str, str]:
    """Ids that exist, by the names that all dialects give them."""
    user_id, event_id = _ask("/v1/auth/login", _demo()["admin"])["userId"], _demo()["event_id"]
    contestant_id = _ask(f"/v1/event/{event_id}/results")["totals"][0]["contestant_id"]
    return {
        **dict.fromkeys(("user_id", "userId"), user_id),
        **dict.fromkeys(("event_id", "electionId"), event_id),
        **dict.fromkeys(("contestant_id", "candidateId"), contestant_id),
    }


def _with_known(fields: Any) -> Any:
    """The same fields, some of them with ids that exist."""
    if not isinstance(fields, dict):
        return fields
    drawn = {name for name in fields if random.random() < 0.5}  # noqa: S311  # draws test data
    return {name: _known().get(name, value) if name in drawn else value for name, value in fields.items()}


@schemathesis.auth(refresh_interval=REFRESH_S)
class AdminLogin:
    """Logs the demo's admin in."""

    def get(self, _case: Any, _context: Any) -> str:
        """An access token."""
        return str(_ask("/v1/auth/login", _demo()["admin"])["token"])

    def set(self, case: Any, data: str, _context: Any) -> None:
        """Put it into the request."""
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """Bodies with ids that exist."""
    return _with_known(body)


@schemathesis.hook
def map_path_parameters(_context: Any, path_parameters: Any) -> Any:
    """Paths with ids that exist."""
    return _with_known(path_parameters)
