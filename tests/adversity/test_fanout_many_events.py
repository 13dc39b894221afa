"""More events than a lock table holds the partitions of: a recount and an audit take them one by one."""

import sys
from pathlib import Path

import psycopg
import pytest

from ops.rig import python_process
from ops.rig.dba_scripts import run_script
from ops.rig.event import make_event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.oracle import counts_in_checkpoint
from ops.rig.postgres import postgres
from ops.rig.votes import cast

EVENTS = 300
# The lock table has max_locks_per_transaction places for each process that there may be; by default 64.
FEW_PROCESSES = (
    "max_connections = 20",
    "max_worker_processes = 4",
    "max_wal_senders = 5",
    "autovacuum_worker_slots = 1",
    "max_locks_per_transaction = 16",
)


def test_a_recount_and_an_audit_of_many_events_end(tmp_path: Path, redis_url: str) -> None:
    """One statement over all votes can't get its locks; request_recount(), 010 and the audit do."""
    with postgres(tmp_path / "postgres", *FEW_PROCESSES) as server:
        database = server.database
        with psycopg.connect(database.url(), autocommit=True) as owner:
            events = [make_event(owner, expected_votes=1000) for _ in range(EVENTS)]
            for number, event in enumerate(events[::50], start=1):
                cast(owner, event, 1, number)
            with pytest.raises(psycopg.errors.OutOfMemory):
                owner.execute("SELECT count(*) FROM votes")
            fanout = FanoutProcess(database.url("vote_fanout"), redis_url, IDLE_CHECKPOINT_MS="300")
            stored = "SELECT epoch FROM fanout_checkpoint WHERE digest IS NOT NULL"
            with fanout.running():
                eventually(lambda: owner.execute(stored).fetchone() == (1,), "the first count is stored")
                owner.execute("SELECT request_recount()")
                eventually(lambda: (owner.execute(stored).fetchone() or (0,))[0] > 1, "the recount is stored")
                truth = {(event.event_no, 1): number for number, event in enumerate(events[::50], start=1)}
                assert counts_in_checkpoint(database) == truth
                run_script(database, "010_sizes.sql")
                audit = [sys.executable, "-m", "ops.auditor", "--live"]
                assert python_process.run(audit, fanout.auditing).returncode == 0
