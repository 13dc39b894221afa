"""What befalls whole Postgres servers: promotion, files put back, WAL thrown away. The counts stay exact."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ops.rig.event import Event, make_event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.oracle import check_agreement, counts_in_redis, tally_in_redis
from ops.rig.postgres import RunningPostgres, postgres, standby_of
from ops.rig.screen import Screen
from ops.rig.votes import Crowd, cast

STANDBY = "standby"


def event_on(server: RunningPostgres) -> Event:
    with psycopg.connect(server.database.url(), autocommit=True) as connection:
        return make_event(connection)


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[RunningPostgres]:
    """A server of this test's own."""
    with postgres(tmp_path / "primary", "max_wal_size = 32MB") as server:
        yield server


@pytest.mark.parametrize("synced", [True, False])
def test_a_standby_is_promoted(primary: RunningPostgres, tmp_path: Path, redis_url: str, *, synced: bool) -> None:
    """After a promotion the count goes on from the synchronised slot, or begins anew without one; both are exact.

    The listener never sees what the standby doesn't have (synchronized_standby_slots), so nothing that was shown is
    taken back, though the standby is asynchronous and loses the last commits.
    """
    event = event_on(primary)
    settings = [] if synced else ["sync_replication_slots = off"]
    with (
        standby_of(primary, tmp_path / "standby", STANDBY, *settings) as standby,
        Screen(redis_url).watching() as screen,
    ):
        primary.execute("ALTER SYSTEM SET synchronized_standby_slots = 'standby'")
        primary.execute("SELECT pg_reload_conf()")
        with FanoutProcess(primary.database.url("vote_fanout"), redis_url).running() as fanout:
            with Crowd(primary.database, [event]).voting() as crowd:
                crowd.wait_for(1000)
                if synced:
                    eventually(lambda: is_synced(primary, standby), "the slot is on the standby")
                crowd.wait_for(1000)
                primary.process.kill()
            fanout.kill()
        standby.execute("SELECT pg_promote()")
        follower = FanoutProcess(standby.database.url("vote_fanout"), redis_url)
        with follower.running(), Crowd(standby.database, [event]).voting() as crowd:
            follower.wait_for("continuing from the checkpoint" if synced else "the slot is missing")
            crowd.wait_for(500)
        with follower.running():
            check_agreement(standby.database, redis_url, [event])
        tally = tally_in_redis(redis_url, event)
        assert tally and tally.epoch == 2
    assert not screen.falls


def is_synced(primary: RunningPostgres, standby: RunningPostgres) -> bool:
    """Whether the standby could take over; the snapshot in the WAL lets the slot move up to what a standby keeps."""
    primary.execute("SELECT pg_log_standby_snapshot()")
    return bool(standby.execute("SELECT 1 FROM pg_replication_slots WHERE synced AND NOT temporary"))


@pytest.mark.parametrize("goes_on", [False, True])
def test_an_older_postgres_is_put_back(
    primary: RunningPostgres, tmp_path: Path, redis_url: str, *, goes_on: bool
) -> None:
    """Files put back on the same timeline: votes after the backup are gone, and readers don't go on showing them.

    Also not of an event that nobody votes on, when its WAL passes what was shown before fanout is there again.
    """
    event, other = event_on(primary), event_on(primary)
    fanout = FanoutProcess(primary.database.url("vote_fanout"), redis_url)
    with fanout.running(), psycopg.connect(primary.database.url(), autocommit=True) as connection:
        cast(connection, event, 1, 10)
        check_agreement(primary.database, redis_url, [event])
    primary.process.stop()
    primary.copy_files(tmp_path / "backup")
    primary.process.start()
    with fanout.running(), psycopg.connect(primary.database.url(), autocommit=True) as connection:
        cast(connection, event, 2, 1000)
        check_agreement(primary.database, redis_url, [event])
    primary.process.stop()
    primary.put_back(tmp_path / "backup")
    primary.process.start()
    with psycopg.connect(primary.database.url(), autocommit=True) as connection:
        cast(connection, other, 1, 20_000 if goes_on else 1)
    with fanout.running():
        if goes_on:
            fanout.wait_for("Redis has later numbers of an event")
        check_agreement(primary.database, redis_url, [event, other])
    assert counts_in_redis(redis_url, [event]) == {(event.event_no, 1): 10}


def test_listener_is_taken_for_a_standby(primary: RunningPostgres, redis_url: str) -> None:
    """synchronous_standby_names = '*' makes commits wait for fanout too: voting and counting go on, and it is said."""
    event = event_on(primary)
    with (
        FanoutProcess(primary.database.url("vote_fanout"), redis_url).running() as fanout,
        psycopg.connect(primary.database.url(), autocommit=True) as connection,
    ):
        primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.execute("SELECT pg_reload_conf()")
        eventually(lambda: says_standby(fanout, connection, event), "it is said")
        check_agreement(primary.database, redis_url, [event])
        primary.execute("ALTER SYSTEM RESET synchronous_standby_names")
        primary.execute("SELECT pg_reload_conf()")
        eventually(lambda: not says_standby(fanout, connection, event), "it is over")


def says_standby(fanout: FanoutProcess, connection: psycopg.Connection, event: Event) -> bool:
    """Whether /ready says so; a vote makes it look."""
    cast(connection, event, 1, 1)
    return "synchronous_standby_names" in fanout.get("/ready")[1]


def test_the_slots_wal_is_thrown_away(primary: RunningPostgres, redis_url: str) -> None:
    """A listener that was away until max_slot_wal_keep_size was passed counts anew; nothing shown falls."""
    event = event_on(primary)
    fanout = FanoutProcess(primary.database.url("vote_fanout"), redis_url)
    with fanout.running(), Crowd(primary.database, [event]).voting() as crowd:
        crowd.wait_for(1000)
        fanout.kill()
        crowd.wait_for(1000)
        primary.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
        primary.execute("SELECT pg_reload_conf()")
        eventually(lambda: is_lost_after_more_wal(primary), "the slot is lost")
    with Screen(redis_url).watching() as screen, fanout.running():
        fanout.wait_for("the slot was invalidated")
        with Crowd(primary.database, [event]).voting() as crowd:
            crowd.wait_for(1000)
        check_agreement(primary.database, redis_url, [event])
    assert not screen.falls


def is_lost_after_more_wal(server: RunningPostgres) -> bool:
    """Write a segment of WAL and let Postgres throw away what it may; whether a slot is lost by it."""
    server.execute("SELECT pg_logical_emit_message(false, 'filler', repeat('x', 8000000)), pg_switch_wal()")
    server.execute("CHECKPOINT")
    return bool(server.execute("SELECT 1 FROM pg_replication_slots WHERE wal_status = 'lost'"))
