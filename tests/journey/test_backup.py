"""./ops/backup and ./ops/restore of a running stack: what ./ops/up has to know of them."""

import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from ops.rig.eventually import PATIENCE_S
from ops.rig.postgres import postgres_in
from ops.rig.running_stack import PROJECT, RunningStack


def call(stack: RunningStack, program: str, *words: str) -> "subprocess.CompletedProcess[str]":
    line = [str(PROJECT / "ops" / program), *words]
    return subprocess.run(
        line, check=False, env=stack.environment, capture_output=True, text=True, timeout=2 * PATIENCE_S
    )


def test_a_running_stack_is_backed_up_and_restored(stack: RunningStack, tmp_path: Path) -> None:
    """The first backup starts the archive, the restored files are the ledger's and people's; --off leaves no slot."""
    try:
        for kind in ("full", "incremental"):
            done = call(stack, "backup")
            assert done.returncode == 0, done.stderr
            assert done.stdout.rstrip().endswith(kind)
        restored = call(stack, "restore", "--to", "latest", "--into", str(tmp_path / "restored"))
        assert restored.returncode == 0, restored.stderr
        password = urlsplit(stack.demo["database_url"]).password or ""
        with postgres_in(tmp_path / "restored") as running:
            for database in ("vote", "vote_identity"):
                psycopg.connect(running.server.url("postgres", password, database)).close()
    finally:
        ended = call(stack, "backup", "--off")
    assert ended.returncode == 0, ended.stderr
    with psycopg.connect(stack.demo["database_url"]) as connection:
        left = connection.execute("SELECT FROM pg_replication_slots WHERE slot_name = 'vote_backup'").fetchall()
    assert left == []
