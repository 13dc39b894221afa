"""An audit that is ended from outside leaves no process behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest

from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.eventually import PATIENCE_S, eventually
from ops.rig.people import RECEIPT_KEY, SEAL_KEY

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'vote_auditor' AND wait_event_type = 'Lock'"
Ends = Callable[[int], None]


@pytest.fixture
def auditing(database: Database, tmp_path: Path) -> dict[str, str]:
    """The environment of an audit."""
    paths = {}
    for name, key in (("SEAL_KEYS_FILE", SEAL_KEY), ("RECEIPT_KEYS_FILE", RECEIPT_KEY)):
        (tmp_path / name).write_text(json.dumps({"1": key.hex()}))
        paths[name] = str(tmp_path / name)
    return {**os.environ, **paths, "DATABASE_URL": database.url("vote_auditor")}


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (lambda pid: os.kill(pid, signal.SIGKILL), -signal.SIGKILL),
        (lambda pid: os.killpg(pid, signal.SIGINT), 130),
    ],
    ids=["kill -9", "Ctrl-C"],
)
def test_its_workers_end_with_it(
    owner: psycopg.Connection, database: Database, auditing: dict[str, str], tmp_path: Path, end: Ends, code: int
) -> None:
    """Though Postgres keeps all of them waiting; they hold the seal key. Ctrl-C is all of a terminal's processes'."""
    event, told = make_event(owner, expected_votes=10_000_000), tmp_path / "told"
    words = [sys.executable, "-m", "ops.auditor", event.event_id, "--jobs", "2"]
    with psycopg.connect(database.url()) as dba, told.open("w") as stderr:
        dba.execute("LOCK TABLE votes")
        audit = subprocess.Popen(words, env=auditing, stdout=stderr, stderr=stderr, start_new_session=True)
        eventually(lambda: owner.execute(WAITING).fetchone() == (2,), "both workers wait")
        workers = psutil.Process(audit.pid).children()
        end(audit.pid)
        assert audit.wait(PATIENCE_S) == code
        _, left = psutil.wait_procs(workers, timeout=PATIENCE_S)
        for worker in left:
            worker.kill()
        assert left == []
    assert code < 0 or told.read_text() == "audit: interrupted\n"
