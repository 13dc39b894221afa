"""What others do to slot, tree and Redis in the middle of fanout's work, forced to happen at the worst moment."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import msgspec
import psycopg
import pytest
import redis

from contract import settings
from contract.position import Position
from contract.redis_keys import applied_key, tally_key
from contract.standings import AppliedPosition, OnAir
from fanout import rebuild, takeover
from fanout.checkpoint import FencedError
from fanout.redis_writer import RedisWriter
from fanout.session import Session
from fanout.settings import Fanout
from fanout.tally import EventTally, Tally
from fanout.vitals import Vitals
from fanout.wal_decoder import CountKey, Transaction
from fanout.wal_listener import WalListener
from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.eventually import eventually
from ops.rig.oracle import applied, check_agreement, counts_in_checkpoint
from ops.rig.votes import cast

OWN = settings.read(Fanout, {})
Lead = Callable[[], contextlib.AbstractContextManager[None]]


@pytest.fixture
def event(owner: psycopg.Connection) -> Event:
    """An event with five votes."""
    event = make_event(owner)
    cast(owner, event, 1, 5)
    return event


@pytest.fixture
def leading(database: Database, redis_url: str) -> Lead:
    """Lead in this process during a block: session after session, so that what is forced happens in the first."""

    @contextlib.contextmanager
    def lead() -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=_sessions, args=(database.url("vote_fanout"), redis_url, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    return lead


def _sessions(url: str, redis_url: str, stop: threading.Event) -> None:
    writer, health = RedisWriter(redis_url), Vitals(lag_max_s=60)
    while not stop.wait(0.05):
        with contextlib.suppress(psycopg.Error), takeover.take_over(url, OWN, writer, stop, health) as lead:
            Session(lead, OWN, writer, health).run(stop)
    writer.close()


class Forced:
    """Does something once, before a method of a class or after it."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        owner: type,
        name: str,
        work: Callable[[], object],
        *,
        after: bool = False,
    ) -> None:
        self.happened = False
        begun = False
        real = getattr(owner, name)

        def call(*arguments: object) -> object:
            nonlocal begun
            first, begun = not begun, True
            if first and not after:
                work()
            answer = real(*arguments)
            if first and after:
                work()
            self.happened = True
            return answer

        monkeypatch.setattr(owner, name, call)


def another_slot(owner: psycopg.Connection, event: Event) -> None:
    """Drop the slot and make one of its name, with votes in between that it will never bring."""
    owner.execute("SELECT pg_drop_replication_slot(%s)", [OWN.slot])
    cast(owner, event, 1, 100)
    owner.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [OWN.slot])


@pytest.mark.parametrize("continues", [False, True], ids=["of one that rebuilds", "of one that continues"])
def test_slot_made_anew_before_its_start(
    owner: psycopg.Connection,
    database: Database,
    redis_url: str,
    event: Event,
    leading: Lead,
    monkeypatch: pytest.MonkeyPatch,
    *,
    continues: bool,
) -> None:
    """A slot is looked at again once it is ours: it may be another's who rebuilds, too, or none that fits any more."""
    if continues:
        with leading():
            check_agreement(database, redis_url, [event])
    forced = Forced(monkeypatch, WalListener, "start", lambda: another_slot(owner, event))
    with leading():
        eventually(lambda: forced.happened, "it happened")
        check_agreement(database, redis_url, [event])


DETACH = "ALTER TABLE votes DETACH PARTITION votes_e1"
FILL = """
    INSERT INTO votes_e1
    SELECT voted_at, device, event_no, contestant_no, region, substr(sha256(voter), 1, 12), seal FROM votes_e1"""
ATTACH = "ALTER TABLE votes ATTACH PARTITION votes_e1 FOR VALUES IN (1)"


@pytest.mark.parametrize(
    ("change", "method"),
    [(DETACH, "begin"), (ATTACH, "begin"), (DETACH, "_plan"), (ATTACH, "_plan")],
    ids=["detached before it begins", "attached before it begins", "detached after a look", "attached after a look"],
)
def test_recount_beside_a_change_of_the_tree(
    owner: psycopg.Connection,
    database: Database,
    redis_url: str,
    event: Event,
    leading: Lead,
    monkeypatch: pytest.MonkeyPatch,
    *,
    change: str,
    method: str,
) -> None:
    """An event that is attached or detached after the snapshot is counted once: in the ledger, or by its last tally."""
    with leading():
        check_agreement(database, redis_url, [event])
    if change is ATTACH:
        owner.execute(DETACH)
    owner.execute("SELECT request_recount()")
    forced = Forced(monkeypatch, rebuild.Recount, method, lambda: owner.execute(change))
    stored = "SELECT digest IS NOT NULL FROM fanout_checkpoint"
    with leading():
        eventually(lambda: owner.execute(stored).fetchone() == (True,), "the recount is stored")
    assert forced.happened
    assert counts_in_checkpoint(database) == {(event.event_no, 1): 5}


def test_recount_beside_rows_that_come_with_a_table(
    owner: psycopg.Connection, database: Database, event: Event, leading: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that are newer than the snapshot and attached, which nobody publishes: the recount begins anew."""
    owner.execute(DETACH)

    def attach_filled() -> None:
        owner.execute(FILL)
        owner.execute(ATTACH)

    forced = Forced(monkeypatch, rebuild.Recount, "begin", attach_filled)
    with leading():
        eventually(lambda: counts_in_checkpoint(database) != {}, "the recount is stored")
    assert forced.happened
    assert counts_in_checkpoint(database) == {(event.event_no, 1): 10}


def tally(votes: int, *, epoch: int = 1, timeline: int = 1, lsn: int = 100) -> Tally:
    """One event of one source."""
    event = EventTally("an-event", OnAir(0, "open"), 0, lsn, {1: votes})
    return Tally("main", epoch, Position(7, timeline, lsn), {1: event})


def write(writer: RedisWriter, what: Tally, between: Callable[[], None] = lambda: None) -> None:
    """Bring Redis to it; Postgres was heard just now."""
    writer.write(what, time.time(), between)


def test_a_writer_that_wakes_up_in_a_rewrite_changes_nothing(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was paused after its look at `applied`; meanwhile another one wrote. It is refused, and takes nothing back."""
    old, new = RedisWriter(redis_url), RedisWriter(redis_url)
    Forced(monkeypatch, RedisWriter, "_mark", lambda: write(new, tally(20, lsn=200)))
    with pytest.raises(redis.RedisError):
        write(old, tally(10))
    position = applied(redis_url)
    assert position and position.lsn == 200


def test_redis_replaced_between_tallies_and_position(redis_url: str) -> None:
    """The state of a moment ago, on a new connection, looks as we left it: what was written since is written again."""
    writer, counted = RedisWriter(redis_url), tally(10)
    write(writer, counted)
    with redis.Redis.from_url(redis_url) as client:
        before = {key: client.dump(key) for key in client.scan_iter()}

        def put_back() -> None:
            client.flushall()
            for key, value in before.items():
                client.restore(key, 0, value, replace=True)
            client.execute_command("CLIENT KILL TYPE normal SKIPME yes")

        counted.apply(Transaction(150, 0, {CountKey(1, 1): 1}, {}))
        with contextlib.suppress(redis.RedisError):
            write(writer, counted, put_back)
        write(writer, counted)
        payload = client.hget(tally_key("an-event", "main"), "payload")
    assert payload and b'"1":11' in payload


def test_promoted_server_outranks_an_epoch_that_it_never_had(redis_url: str) -> None:
    """The lost primary had begun an epoch that wasn't replicated: readers take the new numbers all the same."""
    write(RedisWriter(redis_url), tally(50, epoch=2, lsn=500))
    promoted, writer = tally(40, epoch=2, timeline=2, lsn=400), RedisWriter(redis_url)
    writer.outrank(promoted, 400)
    write(writer, promoted)
    assert promoted.epoch == 3


def test_left_behind_server_outranks_nobody(redis_url: str) -> None:
    """A primary that goes on after another one was promoted can't get at what readers see."""
    write(RedisWriter(redis_url), tally(50, epoch=2, timeline=2, lsn=500))
    left, writer = tally(60, epoch=1, lsn=600), RedisWriter(redis_url)
    for _ in range(2):
        writer.outrank(left, 600)
        with pytest.raises(FencedError):
            write(writer, left)


def test_nothing_is_processed_before_it_is_written(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While Redis is written anew, its position says nothing about votes."""
    seen: list[bool] = []

    def look() -> None:
        with redis.Redis.from_url(redis_url) as client:
            position = msgspec.json.decode(client.get(applied_key("main")) or b"", type=AppliedPosition)
        seen.append(position.has_reached(Position(7, 1, 100)))

    Forced(monkeypatch, RedisWriter, "_write", look)
    write(RedisWriter(redis_url), tally(10))
    look()
    assert seen == [False, True]
