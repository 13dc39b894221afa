"""Fanout over a real Postgres and Redis: what is committed is what is shown, in order, exactly once."""

import itertools
import json
from collections.abc import Iterator
from datetime import datetime

import psycopg
import pytest
import redis

from contract.redis_keys import tally_key
from contract.standings import add_up
from ops.rig.database import Database
from ops.rig.event import change_status, make_event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.oracle import (
    applied,
    check_agreement,
    check_shown,
    counts_in_checkpoint,
    counts_in_redis,
    tally_in_redis,
    wal_end,
)
from ops.rig.screen import Screen
from ops.rig.votes import Crowd, cast


@pytest.fixture
def ledger(database: Database) -> Iterator[psycopg.Connection]:
    """A superuser's connection."""
    with psycopg.connect(database.url(), autocommit=True) as connection:
        yield connection


def test_votes_of_several_events_are_shown(ledger: psycopg.Connection, database: Database, redis_url: str) -> None:
    """Events made before and after the start, votes in commits of any size: all three places agree."""
    events = [make_event(ledger)]
    cast(ledger, events[0], 1, 5)  # before there was a slot
    with FanoutProcess(database.url("vote_fanout"), redis_url).running(), Screen(redis_url).watching() as screen:
        events.append(make_event(ledger))
        for votes in (1, 100, 7):
            for event in events:
                cast(ledger, event, 2, votes)
        check_agreement(database, redis_url, events)
    assert not screen.falls
    assert counts_in_redis(redis_url, events) == {(1, 1): 5, (1, 2): 108, (2, 2): 108}


def test_closed_comes_after_the_last_vote(ledger: psycopg.Connection, database: Database, redis_url: str) -> None:
    """Opening, votes and closing are shown in the order of their commits."""
    event = make_event(ledger, status="draft")
    with FanoutProcess(database.url("vote_fanout"), redis_url).running(), Screen(redis_url).watching() as screen:
        change_status(ledger, event.event_id, "open")
        eventually(lambda: bool(screen.seen) and screen.seen[-1].status == "open", "open is shown")
        for _ in range(50):
            cast(ledger, event, 1, 1)
        change_status(ledger, event.event_id, "close")
        eventually(lambda: bool(screen.seen) and screen.seen[-1].status == "closed", "closed is shown")
    assert [status for status, _ in itertools.groupby(tally.status for tally in screen.seen)][-2:] == ["open", "closed"]
    assert {sum(tally.counts.values()) for tally in screen.seen if tally.status == "closed"} == {50}


def test_a_transaction_is_shown_whole_or_not_at_all(
    ledger: psycopg.Connection, database: Database, redis_url: str
) -> None:
    """A COPY of many rows appears at its commit; what is rolled back, wholly or to a savepoint, never does."""
    event = make_event(ledger)
    rows = [("now", event.event_no, 1 + n % 2, n.to_bytes(12, "big"), bytes(16)) for n in range(100_000)]
    with FanoutProcess(database.url("vote_fanout"), redis_url).running(), Screen(redis_url).watching() as screen:
        with ledger.transaction():
            copy = "COPY votes (voted_at, event_no, contestant_no, voter, seal) FROM STDIN"
            with ledger.cursor() as cursor, cursor.copy(copy) as sink:
                for row in rows:
                    sink.write_row(row)
            with ledger.transaction(force_rollback=True):
                cast(ledger, event, 1, 10)
        with ledger.transaction(force_rollback=True):
            cast(ledger, event, 1, 10)
        check_agreement(database, redis_url, [event])
    assert {sum(tally.counts.values()) for tally in screen.seen} <= {0, 100_000}
    assert counts_in_redis(redis_url, [event]) == {(1, 1): 50_000, (1, 2): 50_000}


def test_the_first_count_while_votes_come(ledger: psycopg.Connection, database: Database, redis_url: str) -> None:
    """A slot that is made in the midst of voting splits the ledger into snapshot and stream without gap or overlap."""
    event = make_event(ledger)
    cast(ledger, event, 1, 50_000)
    with Crowd(database, [event]).voting() as crowd, FanoutProcess(database.url("vote_fanout"), redis_url).running():
        crowd.wait_for(500)
    with FanoutProcess(database.url("vote_fanout"), redis_url).running():
        check_agreement(database, redis_url, [event])


def test_archived_events_keep_their_tallies(ledger: psycopg.Connection, database: Database, redis_url: str) -> None:
    """A recount takes what is in the ledger, and what is no longer there from the last tally."""
    kept, archived = make_event(ledger), make_event(ledger)
    fanout = FanoutProcess(database.url("vote_fanout"), redis_url)
    with fanout.running():
        for event in (kept, archived):
            cast(ledger, event, 1, 5)
        check_agreement(database, redis_url, [kept, archived])
    ledger.execute(f"ALTER TABLE votes DETACH PARTITION votes_e{archived.event_no}")
    ledger.execute("SELECT pg_drop_replication_slot(%s)", [fanout.slot])
    ledger.execute("UPDATE tallies SET votes = 99 WHERE event_no = %s", [kept.event_no])  # the ledger knows better
    with fanout.running():
        cast(ledger, kept, 1, 2)
        check_shown(database, redis_url, [kept])
        assert counts_in_redis(redis_url, [archived]) == {(archived.event_no, 1): 5}
        both = {(kept.event_no, 1): 7, (archived.event_no, 1): 5}
        eventually(lambda: counts_in_checkpoint(database) == both, "both are stored")


def test_two_sources_add_up(database: Database, redis_url: str, ledger: psycopg.Connection) -> None:
    """Two fanouts write tallies of their own, which readers add; until both have written the sum isn't complete."""
    event = make_event(ledger)
    cast(ledger, event, 1, 3)
    with FanoutProcess(database.url("vote_fanout"), redis_url, "main").running():
        only_one = [tally_in_redis(redis_url, event, source) for source in ("main", "second")]
        # The second source is the same Postgres once more, so it had better not store what the first one stores.
        with FanoutProcess(
            database.url("vote_fanout"), redis_url, "second", CHECKPOINT_MS="600000", IDLE_CHECKPOINT_MS="600000"
        ).running():
            cast(ledger, event, 2, 4)
            end = wal_end(database)
            for source in ("main", "second"):
                eventually(lambda s=source: (p := applied(redis_url, s)) is not None and p.lsn >= end, source)  # type: ignore[misc]  # a default
            both = [tally_in_redis(redis_url, event, source) for source in ("main", "second")]
    incomplete = add_up([tally for tally in only_one if tally], ["main", "second"])
    complete = add_up([tally for tally in both if tally], ["main", "second"])
    assert incomplete and (incomplete.counts, incomplete.complete) == ({1: 3}, False)
    assert complete and (complete.counts, complete.complete) == ({1: 6, 2: 8}, True)


def test_stored_counts_have_the_version_of_the_shown_ones(
    ledger: psycopg.Connection, database: Database, redis_url: str
) -> None:
    """Readers who fall back to the checkpoint show no later version and time than Redis does for the same counts."""
    event, other = make_event(ledger), make_event(ledger)
    with FanoutProcess(database.url("vote_fanout"), redis_url).running():
        check_agreement(database, redis_url, [event, other])
        for voted in (event, other):
            cast(ledger, voted, 1, 2)
            check_agreement(database, redis_url, [event, other])
        shown = tally_in_redis(redis_url, event)
        row = ledger.execute(
            "SELECT (lsn - '0/0')::bigint, as_of FROM tallies WHERE event_no = %s", [event.event_no]
        ).fetchone()
    assert shown and row
    assert (row[0], row[1]) == (shown.lsn, datetime.fromisoformat(shown.as_of))


def test_an_idle_source_keeps_up(ledger: psycopg.Connection, database: Database, redis_url: str) -> None:
    """WAL without votes moves the applied position at once, and the slot before long: it never holds WAL back."""
    event = make_event(ledger)
    with FanoutProcess(database.url("vote_fanout"), redis_url, IDLE_CHECKPOINT_MS="300").running() as fanout:
        ledger.execute("CREATE TABLE noise AS SELECT generate_series(1, 10000)")
        end = wal_end(database)
        eventually(lambda: (position := applied(redis_url)) is not None and position.lsn >= end, "applied follows")
        confirmed = "SELECT confirmed_flush_lsn - '0/0' >= %s FROM pg_replication_slots WHERE slot_name = %s"
        eventually(lambda: ledger.execute(confirmed, [end, fanout.slot]).fetchone() == (True,), "the slot follows")
        tally = tally_in_redis(redis_url, event)
    assert tally and not tally.counts


def test_redis_has_numbers_of_a_lost_history(ledger: psycopg.Connection, database: Database, redis_url: str) -> None:
    """A leader that Redis refuses, since it has a later tally of an event, leads anew under an epoch above that."""
    event = make_event(ledger)
    with redis.Redis.from_url(redis_url) as client, FanoutProcess(database.url("vote_fanout"), redis_url).running():
        key = tally_key(event.event_id, "main")
        client.hset(key, mapping={"order": "00000002-00000001-0000000000000000", "payload": "later"})
        cast(ledger, event, 1, 1)
        check_agreement(database, redis_url, [event])
        client.hset(key, mapping={"system": "1", "order": "00000009-00000001-0000000000000000"})
        cast(ledger, event, 1, 1)
        check_agreement(database, redis_url, [event])


def test_a_key_that_redis_alone_lost_comes_back(ledger: psycopg.Connection, database: Database, redis_url: str) -> None:
    """A tally that is deleted, evicted or old is written again, while others vote, though nobody votes on its event."""
    gone, old, busy = make_event(ledger), make_event(ledger), make_event(ledger)

    def healed() -> bool:
        cast(ledger, busy, 1, 1)  # so that there is always something new to write
        return counts_in_redis(redis_url, [gone, old]) == {(gone.event_no, 1): 5, (old.event_no, 1): 7}

    with FanoutProcess(database.url("vote_fanout"), redis_url).running(), redis.Redis.from_url(redis_url) as client:
        cast(ledger, old, 1, 2)
        check_agreement(database, redis_url, [old])
        before = client.dump(tally_key(old.event_id, "main"))
        for event in (gone, old):
            cast(ledger, event, 1, 5)
        check_agreement(database, redis_url, [gone, old])
        client.delete(tally_key(gone.event_id, "main"))
        client.restore(tally_key(old.event_id, "main"), 0, before, replace=True)
        eventually(healed, "both are there again")


def test_a_foreign_checkpoint_fences(ledger: psycopg.Connection, database: Database, redis_url: str) -> None:
    """A writer whose epoch was taken over stores nothing more; it begins anew from what is stored."""
    event = make_event(ledger)
    with FanoutProcess(database.url("vote_fanout"), redis_url).running() as fanout:
        cast(ledger, event, 1, 3)
        check_agreement(database, redis_url, [event])
        ledger.execute("UPDATE fanout_checkpoint SET epoch = epoch + 5")
        cast(ledger, event, 1, 4)
        fanout.wait_for("another fanout has taken over")
        check_agreement(database, redis_url, [event])
    tally = tally_in_redis(redis_url, event)
    assert tally and tally.epoch == 6


def test_operators_see_it_work(ledger: psycopg.Connection, database: Database, redis_url: str) -> None:
    """/ready and /metrics answer on its own port."""
    with FanoutProcess(database.url("vote_fanout"), redis_url).running() as fanout:
        cast(ledger, make_event(ledger), 1, 3)
        eventually(lambda: "vote_fanout_rows_total 3.0" in fanout.get("/metrics")[1], "three rows are counted")
        status, content = fanout.get("/ready")
        assert (status, json.loads(content)) == (200, {"ready": True, "why_not": ""})
        assert fanout.get("/")[0] == 404
