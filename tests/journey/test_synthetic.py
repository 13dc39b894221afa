"""Synthetic votes on the running stack: seen, counted for themselves alone, refused elsewhere, and silent when lost."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ops.canary.canary_file import Canary, CanaryFile
from ops.canary.edge_client import EdgeClient, RefusedError, session
from ops.embedded import ports
from ops.embedded.demo_event import operator
from ops.rig.database import Database
from ops.rig.event import Event, find_event
from ops.rig.eventually import eventually
from ops.rig.oracle import Counts, counts_in_checkpoint, counts_in_ledger, total_of
from ops.rig.running_stack import PROJECT, RunningStack
from ops.rig.server_process import ServerProcess

CANARIES = 40


def made(stack: RunningStack, file: Path, at_least: int = 1, voters: int = CANARIES) -> Event:
    """The canaries' event, after the operator has brought the file up to date."""
    words = ["canaries", str(file), "--voters", str(voters), "--at-least", str(at_least)]
    event_id = json.loads(operator(stack.folder.root, words))["event_id"]
    with psycopg.connect(stack.demo["database_url"]) as connection:
        return find_event(connection, event_id)


def of_people(database: Database, counts: Counts) -> Counts:
    """Without the events of canaries: the stack has some that vote all the time."""
    with psycopg.connect(database.url()) as connection:
        rows = connection.execute("SELECT event_no FROM events WHERE assurance_min = 'canary'").fetchall()
    canaries = {event_no for (event_no,) in rows}
    return {key: votes for key, votes in counts.items() if key[0] not in canaries}


class Prober:
    """Synthetic votes that never end, by canaries of their own, so many an hour; with what its metrics say."""

    per_hour = 7_200  # two a second, so that a slow test doesn't use them up

    def __init__(self, edge_url: str, file: Path) -> None:
        self._port = ports.choose(["synthetic"], {})["synthetic"]
        env = {
            **os.environ,
            "CANARIES_FILE": str(file),
            "SYNTHETIC_URL": edge_url,
            "SYNTHETIC_PORT": str(self._port),
            "SYNTHETIC_SEEN_WITHIN_MS": "5000",  # a crowded machine takes a while; what is lost is waited for so long
        }
        words = [sys.executable, "-m", "ops.canary", "--per-hour"]
        self.process = ServerProcess(lambda: [*words, str(self.per_hour)], '"probing"', env)

    def metric(self, name: str) -> float:
        """A sample by its whole name."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=10) as answer:
            found = re.search(rf"^{re.escape(name)} (\S+)$", answer.read().decode(), re.MULTILINE)
        assert found
        return float(found[1])

    def votes(self, outcome: str) -> float:
        """How many had this outcome since the start."""
        return self.metric(f'vote_synthetic_votes_total{{outcome="{outcome}"}}')

    def last_seen(self) -> float:
        """Unix seconds."""
        return self.metric("vote_synthetic_last_seen_unix_seconds")


@pytest.fixture
def prober(stack: RunningStack, tmp_path: Path) -> Iterator[Prober]:
    started = Prober(stack.demo["edge_url"], tmp_path / "canaries")
    yield started
    started.process.stop()


def test_votes_are_followed_to_the_end(stack: RunningStack) -> None:
    """./ops/synthetic on a running stack: all votes seen in each stage, in no tally but their event's, in no list."""
    database = Database(stack.demo["database_url"])
    before = of_people(database, counts_in_ledger(database))
    words = [str(PROJECT / "ops" / "synthetic"), "--votes", "20", "--at-once", "--json"]
    done = subprocess.run(words, env=stack.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert (content["votes"], content["outcomes"]["seen"]) == (20, 20)
    assert {name: stage["votes"] for name, stage in content["stages"].items()} == {
        "sent_to_acked": 20, "acked_to_streamed": 20, "sent_to_streamed": 20, "sent_to_leaderboard": 20,
    }  # fmt: skip
    with CanaryFile(stack.folder.secrets / "canaries-of-runs") as file:
        event_id = file.event()
        assert event_id
    with psycopg.connect(database.url()) as connection:
        event = find_event(connection, event_id.event_id)
    assert total_of(event, counts_in_ledger(database, [event])) == 20
    assert of_people(database, counts_in_ledger(database)) == before
    eventually(lambda: total_of(event, counts_in_checkpoint(database)) == 20, "the checkpoint has them")
    assert of_people(database, counts_in_checkpoint(database)) == before


async def test_a_canary_is_nobody_elsewhere(stack: RunningStack, tmp_path: Path) -> None:
    """Its token is good, is refused by a real event before anything is written, and has no role."""
    database = Database(stack.demo["database_url"])
    made(stack, tmp_path / "canaries")
    with CanaryFile(tmp_path / "canaries") as file:
        canary = file.take()
    assert canary
    with psycopg.connect(database.url()) as connection:
        real = find_event(connection, stack.demo["event_id"])
    before = counts_in_ledger(database, [real])
    async with session(stack.demo["edge_url"]) as http:
        client = EdgeClient(http)
        renewed = await client.renew(canary)
        with pytest.raises(RefusedError, match="403 forbidden"):
            await client.vote(renewed, real.event_id, real.contestants[0], "")
        async with http.get("/v1/auth/validate", headers={"Authorization": f"Bearer {renewed.token}"}) as answer:
            assert (await answer.json())["roles"] == ["viewer"]
        refused = Canary(canary.user_id, canary.refresh_token[:-4] + "AAAA")
        with pytest.raises(RefusedError, match="401 unauthorized"):
            await client.renew(refused)
    assert counts_in_ledger(database, [real]) == before
    with psycopg.connect(database.url()) as connection:
        row = connection.execute("SELECT count(*) FROM vote_rejections WHERE event_no = %s", [real.event_no]).fetchone()
    assert row == (0,)


def test_the_next_event_comes_when_it_is_needed(stack: RunningStack, tmp_path: Path) -> None:
    """The operator's line changes nothing while enough can vote; then the last event closes and the next is open."""
    path = tmp_path / "canaries"
    first = made(stack, path, at_least=CANARIES)
    assert made(stack, path, at_least=CANARIES) == first
    with CanaryFile(path) as file:
        voted = file.take()
    second = made(stack, path, at_least=CANARIES)
    with CanaryFile(path) as file:
        assert voted
        assert (file.votes_left(), file.count()) == (CANARIES, CANARIES)
    with psycopg.connect(stack.demo["database_url"]) as connection:
        rows = connection.execute(
            "SELECT event_no, status, rehearsal, assurance_min FROM events WHERE event_no = ANY(%s) ORDER BY event_no",
            [[first.event_no, second.event_no]],
        ).fetchall()
    assert rows == [(first.event_no, "closed", True, "canary"), (second.event_no, "open", True, "canary")]


def test_a_killed_prober_goes_on(stack: RunningStack, tmp_path: Path, prober: Prober) -> None:
    """In the same event, by those who haven't voted; with nobody left it ends by itself, and says so."""
    event = made(stack, tmp_path / "canaries")
    prober.process.start()
    eventually(lambda: prober.votes("seen") >= 3, "some are seen")
    prober.process.kill()
    prober.per_hour = 360_000
    prober.process.start()
    prober.process.wait_for("all canaries have voted")
    prober.process.wait()
    assert prober.process.exit_code == 0
    database = Database(stack.demo["database_url"])
    with sqlite3.connect(tmp_path / "canaries") as file:
        [(voted,)] = file.execute("SELECT count(*) FROM voters WHERE voted = 1").fetchall()
    assert voted == CANARIES
    # Those whose votes were under way at the kill may not have voted: one for each contestant at most.
    assert CANARIES - len(event.contestants) < total_of(event, counts_in_ledger(database, [event])) <= CANARIES


def test_a_dead_stream_is_told_by_losses_and_silence(stack: RunningStack, tmp_path: Path, prober: Prober) -> None:
    """Votes that no viewer sees are lost at the stream, and none counts as seen until the stream is back."""
    made(stack, tmp_path / "canaries", voters=20 * CANARIES)
    prober.process.start()
    eventually(lambda: prober.votes("seen") >= 1, "one is seen")
    lost = prober.votes("lost_at_stream")
    stack.kill("sse", signal.SIGSTOP)
    try:
        eventually(lambda: prober.votes("lost_at_stream") > lost, "one is lost")
        silent_since, lost = prober.last_seen(), prober.votes("lost_at_stream")
        assert silent_since > 0
        eventually(lambda: prober.votes("lost_at_stream") > lost, "another is lost")
        assert prober.last_seen() == silent_since
        assert prober.metric('vote_synthetic_stage_seconds_count{stage="sent_to_leaderboard"}') > 1
    finally:
        stack.kill("sse", signal.SIGCONT)
    eventually(lambda: prober.last_seen() > silent_since, "seen again")
    stack.wait_ready()
