"""A log that can't be written: a full disk, a pipe that nobody reads. Voting goes on, and a metric says so."""

import os
import subprocess
import sys
from pathlib import Path

import aiohttp
import psycopg
import pytest

from ops.embedded.readiness import DIRECTLY
from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.eventually import PATIENCE_S, eventually
from ops.rig.people import TokenMint
from ops.rig.service import Service, command_process
from ops.rig.votes import submit, vote_of

VOTES = 40
RUN = 'print("\\"serving\\"", flush=True); runpy.run_module("command", run_name="__main__")'
ON_A_FULL_DISK = f"import runpy; {RUN}"
TO_NOBODY = f"""
import fcntl, os, runpy
from contract import log_writer
log_writer.WAITING_MAX = 5
unread, written = os.pipe()
fcntl.fcntl(written, fcntl.F_SETPIPE_SZ, 4096)
os.dup2(written, 2)
{RUN}
"""


def lost_lines(command: Service) -> float:
    """What its metric says."""
    with DIRECTLY.open(f"{command.url}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("vote_log_lines_lost_total "))


@pytest.mark.parametrize(
    ("program", "log_file"),
    [(ON_A_FULL_DISK, "/dev/full"), (TO_NOBODY, "")],
    ids=["full disk", "unread pipe"],
)
async def test_votes_are_taken_without_a_log(
    tmp_path: Path,
    database: Database,
    mint: TokenMint,
    owner: psycopg.Connection,
    program: str,
    log_file: str,
) -> None:
    """Each vote is acked and in the ledger while no line of its process can be written; the lost ones are counted."""
    event, url = make_event(owner), database.url("vote_command")
    words, logs = ("-c", program), {"LOG_FILE": log_file, "ACCESS_LOG_RATIO": "1"}
    with command_process(tmp_path, url, mint, words, 1, **logs) as command:
        async with aiohttp.ClientSession(command.url) as session:
            for voter in (mint.voter() for _ in range(VOTES)):
                assert (await submit(session, voter, vote_of(voter, event)))[0] == 200
        eventually(lambda: lost_lines(command) > 0, "lost lines are counted")
        command.process.stop()
        assert command.process.exit_code == 0
    assert owner.execute("SELECT count(*) FROM votes WHERE event_no = %s", [event.event_no]).fetchone() == (VOTES,)


def test_the_supervisor_outlives_its_log_disk(tmp_path: Path) -> None:
    """It neither dies nor stops reading what a program says, though none of it can be written."""
    done, conf = tmp_path / "done", tmp_path / "supervisord.conf"
    talk = f"{sys.executable} -c \"print('a line of some length' * 40_000, flush=True); open('{done}', 'x')\""
    conf.write_text(
        f"[supervisord]\nnodaemon=true\nsilent=true\nlogfile=/dev/full\n"
        f"pidfile={tmp_path / 'pid'}\n{'user=root' if os.geteuid() == 0 else ''}\n"
        f"[program:talker]\ncommand={talk}\nautorestart=false\nstartsecs=0\n"
        f"redirect_stderr=true\nstdout_logfile=/dev/full\nstdout_logfile_maxbytes=10MB\n"
    )
    words = [sys.executable, "-m", "ops.embedded.supervisord", "-c", str(conf)]
    with Path("/dev/full").open("w") as full, subprocess.Popen(words, stdout=full, stderr=full) as supervisor:
        eventually(lambda: done.exists() or supervisor.poll() is not None, "the program has said all")
        assert supervisor.poll() is None
        supervisor.terminate()
        supervisor.wait(PATIENCE_S)
