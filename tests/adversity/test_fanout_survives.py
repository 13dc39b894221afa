"""Whatever dies while votes are counted: ledger, checkpoint and Redis agree in the end, no shown total ever falls."""

import contextlib
import random
import signal
from collections.abc import Iterator, Mapping

import psycopg
import pytest
import redis

from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.oracle import check_agreement, check_shown, counts_in_checkpoint
from ops.rig.postgres import RunningPostgres
from ops.rig.screen import Screen
from ops.rig.valkey import RunningValkey
from ops.rig.votes import Crowd, cast

pytestmark = pytest.mark.usefixtures("screen")


@pytest.fixture
def events(database: Database) -> list[Event]:
    """Two open events."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        return [make_event(connection) for _ in range(2)]


@pytest.fixture
def screen(redis_url: str) -> Iterator[Screen]:
    """A screen that must never show a lower total."""
    with Screen(redis_url).watching() as screen:
        yield screen
    assert screen.seen
    assert not screen.falls


def execute(database: Database, query: str, *parameters: object) -> None:
    with psycopg.connect(database.url(), autocommit=True) as connection:
        connection.execute(query, parameters)


def wait_until_stored(database: Database, crowd: Crowd) -> None:
    """Votes that are cast from now on reach a checkpoint."""
    before = sum(counts_in_checkpoint(database).values())
    crowd.wait_for(500)
    eventually(lambda: sum(counts_in_checkpoint(database).values()) > before, "a checkpoint is stored")


def test_killed_at_random_moments(database: Database, redis_url: str, events: list[Event], kills: int) -> None:
    """Kill -9 at any moment, of reading, publishing, storing or starting: each vote is counted once."""
    fanout = FanoutProcess(database.url("vote_fanout"), redis_url, CHECKPOINT_MS="50")
    with Crowd(database, events).voting() as crowd:
        for _ in range(kills):
            with fanout.running(ready=random.random() < 0.7):
                crowd.wait_for(random.randrange(2000))
                fanout.kill()
    with fanout.running():
        check_agreement(database, redis_url, events)


def test_commits_that_come_again(database: Database, redis_url: str, events: list[Event]) -> None:
    """A slot that knows less than the checkpoint, as after a death between storing and confirming, doubles nothing."""
    fanout, copy = (
        FanoutProcess(database.url("vote_fanout"), redis_url),
        "SELECT pg_copy_logical_replication_slot(%s, %s)",
    )
    with fanout.running():
        check_agreement(database, redis_url, events)
    execute(database, copy, fanout.slot, "older")
    with fanout.running():
        with psycopg.connect(database.url()) as connection:
            cast(connection, events[0], 1, 500)
        check_agreement(database, redis_url, events)
    execute(database, "SELECT pg_drop_replication_slot(%s)", fanout.slot)
    execute(database, copy, "older", fanout.slot)
    with fanout.running():
        check_agreement(database, redis_url, events)
        fanout.wait_for("continuing from the checkpoint")


def test_a_start_shows_nothing_old(database: Database, redis_url: str, events: list[Event]) -> None:
    """A start from a checkpoint far behind shows no number before it has caught up, even when Redis is empty."""
    fanout = FanoutProcess(database.url("vote_fanout"), redis_url, CHECKPOINT_MS="600000", IDLE_CHECKPOINT_MS="600000")
    with fanout.running(), psycopg.connect(database.url(), autocommit=True) as connection:
        for votes in range(100):
            cast(connection, events[0], 1, votes)
        check_shown(database, redis_url, events)
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    with fanout.running():
        check_shown(database, redis_url, events)


def test_redis_flushed(database: Database, redis_url: str, events: list[Event]) -> None:
    """FLUSHALL at any moment: everything is there again at once, idle events included."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        idle = make_event(connection)
        cast(connection, idle, 1, 7)
    with FanoutProcess(database.url("vote_fanout"), redis_url).running(), redis.Redis.from_url(redis_url) as client:
        with Crowd(database, events).voting() as crowd:
            for _ in range(20):
                crowd.wait_for(random.randrange(200))
                client.flushall()
        check_agreement(database, redis_url, [*events, idle])


def put_back(client: redis.Redis, copy: Mapping[bytes, bytes]) -> None:
    """All keys at one moment, as a Redis that comes back has them."""
    with client.pipeline() as together:
        for key, value in copy.items():
            together.restore(key, 0, value, replace=True)
        together.execute()


def test_redis_restored_from_an_old_copy(database: Database, redis_url: str, events: list[Event]) -> None:
    """A Redis that comes back with yesterday's keys, `applied` included, is overwritten before it is called fresh."""
    with FanoutProcess(database.url("vote_fanout"), redis_url).running(), redis.Redis.from_url(redis_url) as client:
        with Crowd(database, events).voting() as crowd:
            crowd.wait_for(100)
            old = {key: client.dump(key) for key in client.scan_iter()}
            crowd.wait_for(2000)
        check_agreement(database, redis_url, events)
        put_back(client, old)
        check_agreement(database, redis_url, events)


def test_redis_lost_or_restored_at_random_moments(
    database: Database, redis_server: RunningValkey, redis_url: str, events: list[Event], kills: int
) -> None:
    """FLUSHALL, kill -9, and an old copy put back, at any moment while votes come: all is right again in the end."""
    with FanoutProcess(database.url("vote_fanout"), redis_url).running():
        with Crowd(database, events).voting() as crowd:
            old: dict[bytes, bytes] = {}
            for _ in range(kills):
                crowd.wait_for(random.randrange(300))
                with redis.Redis.from_url(redis_url) as client:
                    what = random.choice(["flush", "kill", "copy", "restore"])
                    if what == "flush":
                        client.flushall()
                    elif what == "copy":
                        old = {key: value for key in client.scan_iter() if (value := client.dump(key))}
                    elif what == "restore":
                        put_back(client, old)
                if what == "kill":
                    redis_server.process.kill()
                    redis_server.process.start()
        check_agreement(database, redis_url, events)


def test_redis_killed(database: Database, redis_server: RunningValkey, redis_url: str, events: list[Event]) -> None:
    """A Redis that dies and comes back empty, again and again: counting and storing go on, and all is shown again."""
    with FanoutProcess(database.url("vote_fanout"), redis_url).running():
        with Crowd(database, events).voting() as crowd:
            for _ in range(3):
                redis_server.process.kill()
                wait_until_stored(database, crowd)
                redis_server.process.start()
                crowd.wait_for(random.randrange(500))
        check_agreement(database, redis_url, events)


def test_redis_hangs(database: Database, redis_server: RunningValkey, redis_url: str, events: list[Event]) -> None:
    """A Redis that accepts and never answers costs flushes, not counting, storing or the slot."""
    with FanoutProcess(database.url("vote_fanout"), redis_url).running() as fanout:
        with Crowd(database, events).voting() as crowd:
            redis_server.process.send_signal(signal.SIGSTOP)
            try:
                for _ in range(3):
                    wait_until_stored(database, crowd)
                assert fanout.get("/ready")[0] == 503
            finally:
                redis_server.process.send_signal(signal.SIGCONT)
        check_agreement(database, redis_url, events)


@pytest.mark.parametrize("recreated", [False, True])
def test_slot_lost(database: Database, redis_url: str, events: list[Event], screen: Screen, *, recreated: bool) -> None:
    """A slot that was dropped, or dropped and made anew further on, is a recount while votes go on, never a loss."""
    terminate = "SELECT pg_terminate_backend(active_pid, 10000) FROM pg_replication_slots WHERE slot_name = %s"
    with FanoutProcess(database.url("vote_fanout"), redis_url).running() as fanout:
        with Crowd(database, events).voting() as crowd:
            wait_until_stored(database, crowd)  # or there is no epoch yet that the next one follows
            execute(database, "ALTER ROLE vote_fanout NOLOGIN")  # so that it can't be back before the slot is gone
            execute(database, terminate, fanout.slot)
            execute(database, "SELECT pg_drop_replication_slot(%s)", fanout.slot)
            crowd.wait_for(500)
            if recreated:
                execute(database, "SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", fanout.slot)
            execute(database, "ALTER ROLE vote_fanout LOGIN")
            eventually(lambda: bool(screen.seen) and screen.seen[-1].epoch == 2, "the new epoch is shown")
            crowd.wait_for(500)
        check_agreement(database, redis_url, events)


def test_connections_killed(database: Database, redis_url: str, events: list[Event]) -> None:
    """Whichever of its connections dies, both are made anew and the count goes on from the checkpoint."""
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'fanout main' AND backend_type = %s"
    )
    with FanoutProcess(database.url("vote_fanout"), redis_url).running():
        with Crowd(database, events).voting() as crowd:
            for kind in ["walsender", "client backend"] * 4:
                execute(database, kill, kind)
                crowd.wait_for(random.randrange(500))
        check_agreement(database, redis_url, events)


@pytest.mark.parametrize("crash", [True, False], ids=["crash", "fast shutdown"])
def test_postgres_goes_and_comes(
    database: Database,
    database_server: RunningPostgres,
    redis_url: str,
    events: list[Event],
    *,
    crash: bool,
) -> None:
    """After a crash the count goes on; a fast shutdown doesn't wait for WAL that a listener hasn't confirmed."""
    never = {"CHECKPOINT_MS": "600000", "IDLE_CHECKPOINT_MS": "600000"}
    with FanoutProcess(database.url("vote_fanout"), redis_url, **({} if crash else never)).running():
        with Crowd(database, events).voting() as crowd:
            crowd.wait_for(1000)
            if crash:
                database_server.process.kill()
            else:
                database_server.process.stop()
            database_server.process.start()
            crowd.wait_for(1000)
        check_shown(database, redis_url, events)
    with FanoutProcess(database.url("vote_fanout"), redis_url).running():
        check_agreement(database, redis_url, events)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_second_one_takes_over(
    database: Database, redis_url: str, events: list[Event], number: signal.Signals
) -> None:
    """The one that waits hot leads as soon as the first is dead or silent; the first, awake again, writes nothing."""
    first = FanoutProcess(database.url("vote_fanout"), redis_url, CHECKPOINT_MS="50")
    second = FanoutProcess(database.url("vote_fanout"), redis_url, CHECKPOINT_MS="50")
    with first.running(), second.running(ready=False):
        with Crowd(database, events).voting() as crowd:
            crowd.wait_for(500)
            assert second.get("/ready")[0] == 503
            first.send_signal(number)
            eventually(lambda: second.get("/ready")[0] == 200, "the second leads")
            crowd.wait_for(500)
            if number == signal.SIGSTOP:
                first.send_signal(signal.SIGCONT)
                first.wait_for("the session ended")
                crowd.wait_for(500)
                assert first.get("/ready")[0] == 503
                assert second.get("/ready")[0] == 200
        check_agreement(database, redis_url, events)


def test_several_fight_for_the_slot(database: Database, redis_url: str, events: list[Event], kills: int) -> None:
    """Three on one source, stopped, woken and killed at random, while recounts are asked for: each vote counts once."""
    fanouts = [
        FanoutProcess(database.url("vote_fanout"), redis_url, CHECKPOINT_MS="50", IDLE_CHECKPOINT_MS="100")
        for _ in range(3)
    ]
    with contextlib.ExitStack() as running:
        for fanout in fanouts:
            running.enter_context(fanout.running(ready=False))
        with Crowd(database, events).voting() as crowd:
            for _ in range(kills):
                fanout = random.choice(fanouts)
                match random.choice(["kill", "stop", "wake", "recount"]):
                    case "kill":
                        fanout.kill()
                        fanout.start()
                    case "stop":
                        fanout.send_signal(signal.SIGSTOP)
                    case "wake":
                        fanout.send_signal(signal.SIGCONT)
                    case "recount":
                        execute(database, "SELECT request_recount()")
                crowd.wait_for(random.randrange(2000))
        for fanout in fanouts:
            fanout.send_signal(signal.SIGCONT)
        check_agreement(database, redis_url, events)
