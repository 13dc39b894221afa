"""A backlog of votes in the WAL that can be read again and again: by the real fanout, and by Postgres' own client.

Both are timed from the moment when they say that they stream, until the end of the backlog is reached: fanout, when
Redis says that it is counted; pg_recvlogical, when it ends. Both read through the same publication with the same
options, from copies of one slot.
"""

import contextlib
import resource
import subprocess
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import psutil
import psycopg
import redis

from contract.position import parse_lsn
from fanout.wal_listener import PUBLICATION
from ops.embedded.postgres_server import BIN
from ops.rig.database import Database
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.oracle import has_reached

READ_WITHIN_S = 600
ORIGIN = "origin"  # stands at the start of the backlog and is only ever copied
_TWIN = "twin"
_PREPARE = """
    CREATE TABLE IF NOT EXISTS first_checkpoint AS TABLE fanout_checkpoint;
    CREATE TABLE IF NOT EXISTS first_tallies AS TABLE tallies"""
_REWIND = """
    TRUNCATE fanout_checkpoint, tallies;
    INSERT INTO fanout_checkpoint SELECT * FROM first_checkpoint;
    INSERT INTO tallies SELECT * FROM first_tallies"""
_FILL = """
    DO $$ BEGIN
        FOR commit_no IN 1 .. {commits} LOOP
            INSERT INTO votes (voted_at, device, event_no, contestant_no, region, voter, seal)
            SELECT clock_timestamp(), hashtextextended(uuid, 1), {event_no}, 1 + number % 5, 'DE',
                   substr(uuid_send(uuid::uuid), 5, 12), uuid_send(uuid::uuid)
            FROM (SELECT n AS number, gen_random_uuid()::text AS uuid FROM generate_series(1, {rows}) AS n) AS random;
            PERFORM pg_logical_emit_message(true, 'vote.trace', {event_no} || ' ' || string_agg(
                md5(random()::text) || '-' || substr(md5(random()::text), 1, 16), ' '))
            FROM generate_series(1, {traced}) HAVING count(*) > 0;
            COMMIT;
        END LOOP;
    END $$"""


class Reading(NamedTuple):
    """How long a reader took for a backlog, and how much CPU its process used; both in seconds."""

    elapsed_s: float
    cpu_s: float


class WalBacklog:
    """Grows the backlog of one event and has it read; `fanout` isn't running between the readings."""

    def __init__(self, database: Database, redis_url: str, fanout: FanoutProcess, event_no: int) -> None:
        self._database = database
        self._redis_url = redis_url
        self._fanout = fanout
        self._event_no = event_no
        self._end_lsn, self._end = 0, ""
        with fanout.running():
            pass  # makes the slot and the first checkpoint
        self._run(_PREPARE)
        self._copy_slot(fanout.slot, ORIGIN)

    def grow(self, rows: int, rows_a_commit: int, traced: int = 0) -> None:
        """Add votes, committed so many at a time, and of these so many traced."""
        commits = rows // rows_a_commit
        self._run(_FILL.format(commits=commits, event_no=self._event_no, rows=rows_a_commit, traced=traced))
        row = self._run("SELECT pg_current_wal_flush_lsn()::text").fetchone()
        assert row
        self._end = row[0]
        self._end_lsn = parse_lsn(self._end)

    def read_by_fanout(self) -> Reading:
        """From the start of the backlog to its end, with Redis and checkpoints."""
        with self.fanout_at_start() as process:
            begun_s, begun_cpu = time.perf_counter(), cpu_seconds(process)
            self.wait_until_counted()
            return Reading(time.perf_counter() - begun_s, cpu_seconds(process) - begun_cpu)

    @contextlib.contextmanager
    def fanout_at_start(self) -> Iterator[psutil.Process]:
        """Run fanout from the start of the backlog, with an empty Redis; begins when it streams."""
        with redis.Redis.from_url(self._redis_url) as client:
            client.flushall()
        self._run(_REWIND)
        self._copy_slot(ORIGIN, self._fanout.slot)
        self._database.settle()
        with self._fanout.running(ready=False):
            self._fanout.wait_for("continuing from the checkpoint")
            yield psutil.Process(self._fanout.pid)

    def wait_until_counted(self) -> None:
        """Return when readers of Redis can know that all of the backlog is counted."""
        eventually(lambda: has_reached(self._redis_url, self._end_lsn), "all is counted", within_s=READ_WITHIN_S)

    def read_by_recvlogical(self) -> Reading:
        """The same, by Postgres' client, to /dev/null."""
        self._copy_slot(ORIGIN, _TWIN)
        self._database.settle()
        options = ["proto_version=1", f"publication_names={PUBLICATION}", "binary=true", "messages=true"]
        words = [
            str(BIN / "pg_recvlogical"),
            "-d",
            self._database.url("vote_fanout"),
            "--slot",
            _TWIN,
            "--start",
            "-v",
        ]
        words += ["--endpos", self._end, "-f", "/dev/null", "--no-loop", *(f"--option={each}" for each in options)]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr
            said = next((line for line in process.stderr if "streaming initiated" in line), "")
            assert said, "pg_recvlogical doesn't stream"
            begun_s = time.perf_counter()
            process.stderr.read()
            cpu_before = resource.getrusage(resource.RUSAGE_CHILDREN)
            process.wait(READ_WITHIN_S)
            elapsed_s = time.perf_counter() - begun_s
            cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert process.returncode == 0
        return Reading(elapsed_s, cpu.ru_utime + cpu.ru_stime - cpu_before.ru_utime - cpu_before.ru_stime)

    def _copy_slot(self, source: str, target: str) -> None:
        self._run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s", target)
        self._run("SELECT pg_copy_logical_replication_slot(%s, %s)", source, target)

    def _run(self, statement: str, *parameters: object) -> psycopg.Cursor[tuple[Any, ...]]:
        with psycopg.connect(self._database.url(), autocommit=True) as connection:
            return connection.execute(statement, parameters or None)


def cpu_seconds(process: psutil.Process) -> float:
    """What it has used until now."""
    times = process.cpu_times()
    return float(times.user + times.system)
