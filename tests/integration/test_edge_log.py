"""What the edge logs: its own failures, with what leads an operator on, and nothing of who asked."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from ops.embedded.readiness import DIRECTLY
from ops.rig.edge import edge

TRACE = "0af7651916cd43dd8448eb211c80319c"
FIELDS = {"level", "ts", "logger", "msg", "bytes_read", "duration", "size", "status", "upstream", "trace_id"}


def test_a_failure_of_the_edges_own_has_a_line(tmp_path: Path) -> None:
    """A service that is away is one line, with its status, its trace and which service; nothing else has one."""
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "Authorization": "Bearer secret", "Cookie": "secret"}
    with edge(tmp_path, {}) as running:
        for path, status in (("/nowhere?ticket=secret", 404), ("/v1/events?ticket=secret", 502)):
            request = urllib.request.Request(f"http://127.0.0.1:{running.port}{path}", headers=headers)
            with pytest.raises(urllib.error.HTTPError, match=str(status)):
                DIRECTLY.open(request)
        running.process.stop()
        said = [line for line in running.process.said() if "handled request" in line]
    [failure] = [each for each in map(json.loads, said) if each["trace_id"] == TRACE]
    assert failure.keys() == FIELDS
    assert failure["status"] == 502
    assert failure["upstream"].startswith("127.0.0.1:")
    assert not [line for line in running.process.said() if "secret" in line]
