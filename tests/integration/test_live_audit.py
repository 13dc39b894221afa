"""Whoever changes what is on air, and not the ledger, is found out by ./ops/audit --live, while people vote."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest
import redis

from contract.redis_keys import tally_key
from ops.auditor.__main__ import main
from ops.auditor.live_audit import FROZEN, IN_REDIS, STORED
from ops.auditor.shown_board import SHOWN
from ops.embedded.readiness import DIRECTLY
from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.people import RECEIPT_KEY, SEAL_KEY, TokenMint
from ops.rig.service import Service, read_process
from ops.rig.votes import Crowd, cast, cast_sealed

Found = Callable[..., tuple[int, set[str]]]


@pytest.fixture
def fanout(database: Database, redis_url: str) -> FanoutProcess:
    """It looks after what is stored at the idle pace, and would repair it before it is compared: here it never does."""
    return FanoutProcess(database.url("vote_fanout"), redis_url, IDLE_CHECKPOINT_MS="1000000000")


@pytest.fixture
def found(
    fanout: FanoutProcess,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Found:
    """The exit code of the command line, and the titles of what it found."""
    for name, key in (("SEAL_KEYS_FILE", SEAL_KEY), ("RECEIPT_KEYS_FILE", RECEIPT_KEY)):
        (tmp_path / name).write_text(json.dumps({"1": key.hex()}))
        monkeypatch.setenv(name, str(tmp_path / name))
    for name, value in fanout.auditing.items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATABASE_URL", database.url("vote_auditor"))

    def run(*words: str) -> tuple[int, set[str]]:
        code = main([*words, "--live", "--json"])
        checks = json.loads(capsys.readouterr().out)["checks"]
        return code, {check["title"] for check in checks if check["total"]}

    return run


def test_a_number_that_is_not_the_ledger_s_is_found(
    owner: psycopg.Connection, database: Database, redis_url: str, fanout: FanoutProcess, found: Found
) -> None:
    """Beside running votes all is equal; a tally edited in Redis or where it is stored is named, and a freeze."""
    event, quiet = make_event(owner), make_event(owner)
    cast(owner, quiet, 1, 3)
    owner.execute("SELECT set_frozen(%s, true, ROW(NULL, 'host', 'test')::actor)", [quiet.event_id])
    with fanout.running(), Crowd(database, [event]).voting() as crowd:
        crowd.wait_for(100)
        assert found() == (0, set())
        with redis.Redis.from_url(redis_url, protocol=2) as client:
            key = tally_key(quiet.event_id, "main")
            payload = client.hget(key, "payload")
            client.hset(key, "payload", str(payload.decode()).replace('"counts":{"1":', '"counts":{"1":1'))
            assert found() == (1, {IN_REDIS, FROZEN})
            client.hset(key, "payload", payload)
        owner.execute("UPDATE frozen_tallies SET votes = '{}'")
        assert found() == (1, {FROZEN})
        owner.execute("""UPDATE frozen_tallies SET votes = '{"1": 3}'""")
        owner.execute("UPDATE tallies SET votes = votes + 1 WHERE event_no = %s", [quiet.event_no])
        assert found() == (1, {STORED})


@pytest.fixture
def query(database: Database, redis_url: str, tmp_path: Path, mint: TokenMint) -> Iterator[Service]:
    url = database.url("vote_query")
    with read_process("query.reads", tmp_path, url, redis_url, mint) as process:
        yield process


def test_results_that_lie_are_found(
    owner: psycopg.Connection,
    database: Database,
    redis_url: str,
    fanout: FanoutProcess,
    query: Service,
    found: Found,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of one event what everybody is shown is looked at, too: beside votes, hidden, frozen, and when it was edited."""
    monkeypatch.setenv("QUERY_URL", query.url)
    event, other, hidden = make_event(owner), make_event(owner), make_event(owner, results_visibility="staff")
    cast_sealed(owner, event, [bytes([number]) * 12 for number in range(5)])

    def board() -> dict[str, object]:
        with DIRECTLY.open(f"{query.url}/v1/event/{event.event_id}/results") as answer:
            return msgspec.json.decode(answer.read(), type=dict[str, object])

    def shown(votes: int) -> Callable[[], bool]:
        return lambda: f"'total_votes': {votes}" in str(board())

    with fanout.running(), Crowd(database, [other]).voting() as crowd:
        crowd.wait_for(100)
        eventually(shown(5), "five votes are shown")
        assert found(event.event_id) == (0, set())
        assert found(hidden.event_id) == (0, set())
        with redis.Redis.from_url(redis_url, protocol=2) as client:
            key = tally_key(event.event_id, "main")
            payload = client.hget(key, "payload")
            client.hset(key, "payload", str(payload.decode()).replace('"counts":{"1":', '"counts":{"1":1'))
            eventually(shown(15), "what was edited is shown")
            assert found(event.event_id) == (1, {IN_REDIS, SHOWN})
            client.hset(key, "payload", payload)
        owner.execute("SELECT set_frozen(%s, true, ROW(NULL, 'host', 'test')::actor)", [event.event_id])
        cast_sealed(owner, event, [bytes([number]) * 12 for number in range(9, 12)], 2)
        eventually(lambda: board()["frozen"] is True, "the results are frozen")
        assert found(event.event_id) == (0, set())


@pytest.mark.usefixtures("found")
def test_what_cannot_be_compared_is_no_equality(
    owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody counts: after a while it says so, by an exit code of its own; an unknown event is said at once."""
    monkeypatch.setattr("ops.auditor.ledger_history.REACH_WITHIN_S", 0.1)
    make_event(owner)
    assert main(["--live"]) == 2
    assert capsys.readouterr().err == "audit: no answer within 0.1 s\n"
    assert main(["7d3b4c52-0000-4000-8000-000000000000", "--live"]) == 2
    assert "no event" in capsys.readouterr().err
    for words in (["--live", "--archive", "x"], ["--live", "--receipts", "x"], []):
        with pytest.raises(SystemExit):
            main(words)
