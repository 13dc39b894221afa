"""Whoever changes what is on air, and not the ledger, is found out by ./ops/audit --live, while people vote."""

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest
import redis

from contract.redis_keys import applied_key, tally_key
from contract.standings import SourceTally
from ops.auditor.__main__ import main
from ops.auditor.live_audit import FROZEN, IN_REDIS, STORED
from ops.auditor.shown_board import SHOWN
from ops.embedded.readiness import DIRECTLY
from ops.rig.database import Database
from ops.rig.event import Event, change_status, make_event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.people import RECEIPT_KEY, SEAL_KEY, TokenMint
from ops.rig.service import Service, read_process
from ops.rig.votes import Crowd, cast, cast_sealed

Found = Callable[..., tuple[int, set[str]]]
Forgery = Callable[[SourceTally], SourceTally | None]


class ForgedRedis:
    """A Redis to which what fanout writes is copied, over and over: what is forged there stays, for nobody heals it.

    A pass copies the tallies before the position that was read ahead of them, so they are never behind it.
    """

    def __init__(self, url: str) -> None:
        self.url = url.removesuffix("/0") + "/1"
        self._of_fanout, self._forged = (redis.Redis.from_url(each, protocol=2) for each in (url, self.url))
        self._forgeries: dict[str, Forgery] = {}
        self._lock, self._stop = threading.Lock(), threading.Event()

    @contextlib.contextmanager
    def copying(self) -> Iterator["ForgedRedis"]:
        """Copy during the block."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()
            self._of_fanout.close()
            self._forged.close()

    def forge(self, event: Event, forgery: Forgery) -> None:
        """From here on an event's tally is what this makes of it; None: it is lost."""
        self._forgeries[tally_key(event.event_id, "main")] = forgery
        self._copy()

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            self._copy()

    def _copy(self) -> None:
        with self._lock:
            applied = self._of_fanout.get(applied_key("main"))
            for key in self._of_fanout.scan_iter("*:tally:main"):
                payload = self._of_fanout.hget(key, "payload")
                assert payload
                tally = msgspec.json.decode(payload, type=SourceTally)
                forged = self._forgeries.get(str(key.decode()), untouched)(tally)
                if forged:
                    self._forged.hset(key, "payload", msgspec.json.encode(forged))
                else:
                    self._forged.delete(key)
            if applied:
                self._forged.set(applied_key("main"), applied)


def untouched(tally: SourceTally) -> SourceTally:
    """No forgery."""
    return tally


def lost(_: SourceTally) -> None:
    """As if Redis had evicted it."""


def counted_far_ahead(tally: SourceTally) -> SourceTally:
    """Where the WAL never gets to, so that nobody could compare it."""
    return msgspec.structs.replace(tally, counts={1: 1000}, lsn=1 << 62)


def more(*contestants: int, in_freeze: bool = False) -> Forgery:
    """Ten votes more for each of these; also in the numbers that the public sees."""

    def added(counts: dict[int, int]) -> dict[int, int]:
        return counts | {number: counts.get(number, 0) + 10 for number in contestants}

    def forged(tally: SourceTally) -> SourceTally:
        freeze = tally.freeze
        if freeze and in_freeze:
            freeze = msgspec.structs.replace(freeze, counts=added(freeze.counts))
        return msgspec.structs.replace(tally, counts=added(tally.counts), freeze=freeze)

    return forged


@pytest.fixture
def forged(redis_url: str) -> Iterator[ForgedRedis]:
    """What the audit and the audience read."""
    with ForgedRedis(redis_url).copying() as copy:
        yield copy


@pytest.fixture
def fanout(database: Database, redis_url: str) -> FanoutProcess:
    """It looks after what is stored at the idle pace, and would repair it before it is compared: here it never does."""
    return FanoutProcess(database.url("vote_fanout"), redis_url, IDLE_CHECKPOINT_MS="1000000000")


@pytest.fixture
def found(
    fanout: FanoutProcess,
    forged: ForgedRedis,
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
    monkeypatch.setenv("REDIS_URL", forged.url)
    monkeypatch.setenv("DATABASE_URL", database.url("vote_auditor"))

    def run(*words: str) -> tuple[int, set[str]]:
        code = main([*words, "--live", "--json"])
        checks = json.loads(capsys.readouterr().out)["checks"]
        return code, {check["title"] for check in checks if check["total"]}

    return run


def test_a_number_that_is_not_the_ledger_s_is_found(
    owner: psycopg.Connection, database: Database, forged: ForgedRedis, fanout: FanoutProcess, found: Found
) -> None:
    """Beside running votes all is equal; a tally edited in Redis or where it is stored is named, and a freeze.

    So is a tally that claims a position where nothing is; one that Redis has lost claims nothing.
    """
    event, quiet = make_event(owner), make_event(owner)
    cast(owner, quiet, 1, 3)
    owner.execute("SELECT set_frozen(%s, true, ROW(NULL, 'host', 'test')::actor)", [quiet.event_id])
    with fanout.running(), Crowd(database, [event]).voting() as crowd:
        crowd.wait_for(100)
        forged.forge(quiet, lost)
        assert found() == (0, set())
        forged.forge(quiet, counted_far_ahead)
        assert found() == (1, {IN_REDIS})
        forged.forge(quiet, more(1, in_freeze=True))
        assert found() == (1, {IN_REDIS, FROZEN})
        forged.forge(quiet, untouched)
        owner.execute("UPDATE frozen_tallies SET votes = '{}'")
        assert found() == (1, {FROZEN})
        owner.execute("""UPDATE frozen_tallies SET votes = '{"1": 3}'""")
        owner.execute("UPDATE tallies SET votes = votes + 1 WHERE event_no = %s", [quiet.event_no])
        assert found() == (1, {STORED})


@pytest.fixture
def query(database: Database, forged: ForgedRedis, tmp_path: Path, mint: TokenMint) -> Iterator[Service]:
    url = database.url("vote_query")
    with read_process("query.reads", tmp_path, url, forged.url, mint) as process:
        yield process


def test_results_that_lie_are_found(
    owner: psycopg.Connection,
    database: Database,
    forged: ForgedRedis,
    fanout: FanoutProcess,
    query: Service,
    found: Found,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of one event what everybody is shown is looked at, too: beside votes, hidden, edited, frozen, half revealed."""
    monkeypatch.setenv("QUERY_URL", query.url)
    event, other, hidden = make_event(owner), make_event(owner), make_event(owner, results_visibility="staff")
    cast_sealed(owner, event, [bytes([number]) * 12 for number in range(5)])

    def board() -> dict[str, object]:
        with DIRECTLY.open(f"{query.url}/v1/event/{event.event_id}/results") as answer:
            return msgspec.json.decode(answer.read(), type=dict[str, object])

    def shown(votes: int) -> Callable[[], bool]:
        return lambda: f"'total_votes': {votes}" in str(board())

    def found_at_once() -> tuple[int, set[str]]:
        """What is forged is so for good: no need to give it time."""
        with monkeypatch.context() as impatient:
            impatient.setattr("ops.auditor.shown_board._RIGHT_WITHIN_S", 0)
            return found(event.event_id)

    with fanout.running(), Crowd(database, [other]).voting() as crowd:
        crowd.wait_for(100)
        eventually(shown(5), "five votes are shown")
        assert found(event.event_id) == (0, set())
        assert found(hidden.event_id) == (0, set())
        forged.forge(event, more(1))
        eventually(shown(15), "what was edited is shown")
        assert found_at_once() == (1, {IN_REDIS, SHOWN})
        forged.forge(event, untouched)
        owner.execute("SELECT set_frozen(%s, true, ROW(NULL, 'host', 'test')::actor)", [event.event_id])
        cast_sealed(owner, event, [bytes([number]) * 12 for number in range(9, 12)], 2)
        eventually(lambda: board()["frozen"] is True, "the results are frozen")
        assert found(event.event_id) == (0, set())
        change_status(owner, event.event_id, "close")
        owner.execute("SELECT reveal_results(%s, 1, ROW(NULL, 'host', 'test')::actor)", [event.event_id])
        forged.forge(event, more(1, 2))
        eventually(shown(13), "the last place is shown, with ten votes more than in the ledger")
        assert found_at_once() == (1, {IN_REDIS, SHOWN})


@pytest.mark.usefixtures("found")
def test_what_cannot_be_compared_is_no_equality(
    owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody counts: after a while it reports that, by an exit code of its own; an unknown event is said at once."""
    monkeypatch.setattr("ops.auditor.ledger_history.REACH_WITHIN_S", 0.1)
    make_event(owner)
    assert main(["--live"]) == 2
    said = capsys.readouterr().out
    assert said.startswith("all that is on air: can't tell; not all was compared\n")
    why = "fanout (is it up?) didn't bring Redis to the recount's position within 0.1 s"
    assert f"\nnot compared: {why}; not answered: {IN_REDIS} {STORED} {FROZEN}\n" in said
    assert main(["7d3b4c52-0000-4000-8000-000000000000", "--live"]) == 2
    assert "no event" in capsys.readouterr().err
    for words in (["--live", "--archive", "x"], ["--live", "--receipts", "x"], []):
        with pytest.raises(SystemExit):
            main(words)
