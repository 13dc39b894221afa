"""Every statement that a runbook tells to run is one that Postgres runs; the auditor's walk is walked, step by step."""

import json
import subprocess
from pathlib import Path

import aiohttp
import psycopg

from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.oracle import counts_in_redis
from ops.rig.people import TokenMint
from ops.rig.runbooks import Runbook, runbooks
from ops.rig.running_stack import PROJECT
from ops.rig.service import command_process, read_process
from ops.rig.votes import submit, vote_of

WALK = Runbook(PROJECT / "ops" / "runbooks" / "audit.md")
END = "--- the end of a step"


def test_statements_of_runbooks_run(owner: psycopg.Connection) -> None:
    """Postgres takes each of them, from a superuser."""
    statements = {each.path.stem: block for each in runbooks() for block in each.blocks("sql")}
    assert statements
    for statement in statements.values():
        owner.execute(statement.encode())


async def test_the_auditor_s_walk(
    database: Database, owner: psycopg.Connection, redis_url: str, tmp_path: Path, mint: TokenMint
) -> None:
    """From a voter's receipt to its row, seal, tally and the number on air, by the commands as they stand there."""
    event, voter, auditor = make_event(owner), mint.voter(), mint.voter("auditor")
    fanout = FanoutProcess(database.url("vote_fanout"), redis_url, IDLE_CHECKPOINT_MS="300")
    url = database.url("vote_query")
    with (
        fanout.running(),
        command_process(tmp_path, database.url("vote_command"), mint) as command,
        read_process("query.reads", tmp_path, url, redis_url, mint) as query,
    ):
        async with aiohttp.ClientSession(command.url) as session:
            _, ack = await submit(session, voter, vote_of(voter, event, 1))
        eventually(lambda: counts_in_redis(redis_url, [event]) == {(event.event_no, 2): 1}, "it is counted")
        environment = {
            **fanout.auditing,
            "EVENT_ID": event.event_id,
            "VOTE_ID": ack["vote_id"],
            "TOKEN": auditor.token,
            "DATABASE_URL": database.url("vote_auditor"),
            "SEAL_KEYS_FILE": str(tmp_path / "seals"),
            "RECEIPT_KEYS_FILE": str(tmp_path / "receipts"),
            "QUERY_PORT": str(query.port),
            "QUERY_URL": query.url,
            "DATA_DIR": str(tmp_path),
            "TMPDIR": str(tmp_path),
        }
        state, report, row, tally, board, log = steps_of(WALK, environment)
    pseudonym = voter.pseudonym(event.event_no).hex()
    assert f"| {event.event_id}\n" in state
    assert f"vote  vote_id {ack['vote_id']}, voter {pseudonym}, " in report
    assert "contestant_no 2, contestant_name C2" in report
    assert "seal_is_own True" in report
    assert "FOUND" not in report
    assert pseudonym in row
    [second] = [line.split("|") for line in tally.splitlines() if " C2 " in line]
    assert [second[column].strip() for column in (0, 3)] == ["2", "1"]
    assert json.loads(board.splitlines()[0])["total_votes"] == 1
    assert board.count("ok ") == 2
    assert [entry["action"] for entry in json.loads(log.splitlines()[0])["entries"]] == ["event.open", "event.create"]
    assert log.index("event.create |") < log.index("event.open   |")


def steps_of(walk: Runbook, environment: dict[str, str]) -> list[str]:
    """What each block of bash prints, one shell for all of them."""
    blocks = walk.blocks("bash")
    script = "\n".join(["set -euo pipefail", *(f"{block}\necho; echo '{END}'" for block in blocks)])
    done = subprocess.run(
        ["bash", "-c", script], env=environment, cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    *said, rest = done.stdout.split(f"\n{END}\n")
    assert (len(said), rest) == (len(blocks), "")
    return said
