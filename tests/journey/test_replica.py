"""./ops/replica on a running stack: a standby is made, read, kept while it is needed, and taken away without trace."""

import json
import subprocess
from collections.abc import Iterator

import psycopg
import pytest

from ops.embedded.program_environment import on_database
from ops.rig.eventually import PATIENCE_S, eventually
from ops.rig.running_stack import PROJECT, RunningStack
from ops.rig.server_setting import server_setting

SLOTS = "SELECT slot_name::text FROM pg_replication_slots WHERE slot_type = 'physical'"


def replica(stack: RunningStack, *words: str) -> "subprocess.CompletedProcess[str]":
    line = [str(PROJECT / "ops" / "replica"), *words]
    return subprocess.run(
        line, check=False, env=stack.environment, capture_output=True, text=True, timeout=2 * PATIENCE_S
    )


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement).fetchall()


def told(stack: RunningStack) -> dict[str, dict[str, str]]:
    content: dict[str, dict[str, str]] = json.loads(stack.folder.environment.read_text())
    return content


def check_promoted_is_kept(stack: RunningStack) -> None:
    """What is no standby any more may have votes that nothing else has."""
    signal = stack.folder.replica / "standby.signal"
    hidden = signal.rename(stack.folder.root / signal.name)
    refused = replica(stack, "--remove")
    hidden.rename(signal)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "was promoted" in refused.stderr


@pytest.fixture
def replicated(stack: RunningStack) -> Iterator[RunningStack]:
    """A stack with a replica."""
    made = replica(stack)
    try:
        assert made.returncode == 0, made.stderr
        yield stack
    finally:
        replica(stack, "--remove")


def replica_url(stack: RunningStack) -> str:
    """The superuser's on the standby; its password came with the copy."""
    port = json.loads(stack.folder.ports.read_text())["replica"]
    primary = stack.demo["database_url"]
    return on_database(f"{primary.rpartition(':')[0]}:{port}", "vote")


def test_a_replica_is_used_until_it_is_taken_away(replicated: RunningStack) -> None:
    """Reads and audits go there, fanout's slot is there, too; a restart keeps it; in the end nothing is left of it."""
    stack = replicated
    url, primary = replica_url(stack), stack.demo["database_url"]
    assert rows(url, "SELECT pg_is_in_recovery()") == [(True,)]
    place = url.rpartition("@")[2]
    for program, setting in (("query", "REPLICA_URL"), ("sse", "REPLICA_URL"), ("audit", "DATABASE_URL")):
        assert told(stack)[program][setting].endswith(place)
    eventually(
        lambda: bool(rows(url, "SELECT 1 FROM pg_stat_activity WHERE application_name = 'vote_query'")), "it is read"
    )
    rows(primary, "SELECT pg_log_standby_snapshot()")
    synced = "SELECT 1 FROM pg_replication_slots WHERE synced AND failover AND NOT temporary"
    eventually(lambda: bool(rows(url, synced)), "fanout's slot is on the standby")
    assert rows(primary, "SHOW synchronized_standby_slots") == [("replica",)]
    demo, _ = stack.start_demo("--voters", "100").communicate(timeout=2 * PATIENCE_S)
    assert demo.splitlines()[-1].endswith(": equal")

    again = replica(stack)
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    assert "--remove" in again.stderr
    stack.process.stop()
    stack.process.start()
    assert rows(replica_url(stack), "SELECT pg_is_in_recovery()") == [(True,)]
    assert told(stack)["query"]["REPLICA_URL"].endswith(replica_url(stack).rpartition("@")[2])
    assert told(stack)["query"]["PRIMARY_URL"].endswith(primary.rpartition("@")[2])

    sync = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
    with (
        psycopg.connect(primary, autocommit=True) as superuser,
        server_setting(superuser, "synchronous_standby_names", "replica"),
    ):
        eventually(lambda: bool(rows(primary, sync)), "commits wait for the standby")
        refused = replica(stack, "--remove")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "synchronous_standby_names" in refused.stderr
    assert rows(primary, SLOTS) == [("replica",)]

    check_promoted_is_kept(stack)
    taken_away = replica(stack, "--remove")
    assert taken_away.returncode == 0, taken_away.stderr
    assert rows(primary, SLOTS) == []
    assert rows(primary, "SELECT FROM pg_roles WHERE rolname = 'vote_replica'") == []
    assert rows(primary, "SHOW synchronized_standby_slots") == [("",)]
    assert not stack.folder.replica.exists()
    assert replica(stack, "--remove").stderr == "replica: there is none\n"
    assert told(stack)["sse"]["REPLICA_URL"].endswith(primary.rpartition("@")[2])
    stack.wait_ready()
