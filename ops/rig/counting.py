"""Votes that need no HTTP, a screen that sees all that is published, and the places that must agree in the end."""

import contextlib
import threading
from collections.abc import Iterator, Sequence

import msgspec
import psycopg
import redis

from contract.redis_keys import STANDINGS_CHANNEL, applied_key, tally_key
from contract.standings import AppliedPosition, SourceTally
from ops.rig.eventually import WITHIN_S, eventually
from ops.rig.voting import Event
from tests.conftest import Database

Counts = dict[tuple[int, int], int]  # (event_no, contestant_no) -> votes

_INSERT = """
    INSERT INTO votes (voted_at, event_no, contestant_no, voter, seal)
    SELECT clock_timestamp(), %s, %s, substr(uuid_send(gen_random_uuid()), 1, 12), uuid_send(gen_random_uuid())
    FROM generate_series(1, %s)"""


def cast(connection: psycopg.Connection, event: Event, contestant_no: int, votes: int) -> None:
    """Put votes of new voters into the ledger, as a superuser."""
    connection.execute(_INSERT, [event.event_no, contestant_no, votes])


class Crowd:
    """Votes in commits of 1 to 60, for event after event, until told to stop; survives the database's absence."""

    def __init__(self, database: Database, events: Sequence[Event]) -> None:
        self._database = database
        self._events = events
        self._stop = threading.Event()
        self._votes = 0
        self._voted = threading.Condition()

    @contextlib.contextmanager
    def voting(self) -> Iterator["Crowd"]:
        """Vote during the block."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def wait_for(self, more: int) -> None:
        """Return after so many more votes."""
        with self._voted:
            goal = self._votes + more
            assert self._voted.wait_for(lambda: self._votes >= goal, WITHIN_S), "the crowd can't vote"

    def _run(self) -> None:
        while not self._stop.is_set():
            with (
                contextlib.suppress(psycopg.Error),
                psycopg.connect(self._database.url(), autocommit=True) as connection,
            ):
                while not self._stop.is_set():
                    self._vote(connection)

    def _vote(self, connection: psycopg.Connection) -> None:
        votes = 1 + self._votes % 60
        cast(connection, self._events[self._votes % len(self._events)], 1 + self._votes % 2, votes)
        with self._voted:
            self._votes += votes
            self._voted.notify_all()


class Screen:
    """Sees every tally that is published, from now until it is closed, and notes what must not happen."""

    def __init__(self, redis_url: str) -> None:
        self.seen: list[SourceTally] = []
        self.falls: list[tuple[SourceTally, SourceTally]] = []
        self._url = redis_url
        self._stop = threading.Event()
        self._subscribed = threading.Event()

    @contextlib.contextmanager
    def watching(self) -> Iterator["Screen"]:
        """Watch during the block; survives the absence of Redis."""
        thread = threading.Thread(target=self._run)
        thread.start()
        assert self._subscribed.wait(WITHIN_S)
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(redis.RedisError), redis.Redis.from_url(self._url) as client:
                self._watch(client)
            self._stop.wait(0.05)

    def _watch(self, client: redis.Redis) -> None:
        with client.pubsub() as subscription:  # type: ignore[no-untyped-call]
            subscription.subscribe(STANDINGS_CHANNEL)
            while not self._stop.is_set():
                message = subscription.get_message(timeout=0.1)
                if message and message["type"] == "subscribe":
                    self._subscribed.set()
                elif message:
                    self._note(msgspec.json.decode(message["data"], type=SourceTally))

    def _note(self, tally: SourceTally) -> None:
        before = next((seen for seen in reversed(self.seen) if self._same(seen, tally)), tally)
        older = (tally.epoch, tally.lsn) < (before.epoch, before.lsn)
        if older or any(tally.counts.get(no, 0) < votes for no, votes in before.counts.items()):
            self.falls.append((before, tally))
        self.seen.append(tally)

    @staticmethod
    def _same(one: SourceTally, other: SourceTally) -> bool:
        return (one.event_id, one.source) == (other.event_id, other.source)


def counts_in_ledger(database: Database) -> Counts:
    """What is true."""
    return _counts(database, "SELECT event_no, contestant_no, count(*) FROM votes GROUP BY 1, 2")


def counts_in_checkpoint(database: Database) -> Counts:
    """What is stored."""
    return _counts(database, "SELECT event_no, contestant_no, votes FROM tallies")


def _counts(database: Database, query: str) -> Counts:
    with psycopg.connect(database.url()) as connection:
        return {(event_no, contestant_no): votes for event_no, contestant_no, votes in connection.execute(query)}


def tally_in_redis(redis_url: str, event: Event, source: str = "main") -> SourceTally | None:
    """What readers see of an event."""
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        payload = client.hget(tally_key(event.event_id, source), "payload")
    return msgspec.json.decode(payload, type=SourceTally) if payload else None


def counts_in_redis(redis_url: str, events: Sequence[Event], source: str = "main") -> Counts:
    """What readers see of all events."""
    tallies = {event.event_no: tally_in_redis(redis_url, event, source) for event in events}
    return {(no, contestant): n for no, tally in tallies.items() if tally for contestant, n in tally.counts.items()}


def applied(redis_url: str, source: str = "main") -> AppliedPosition | None:
    """How far readers believe that the source is counted; None also for what is marked not fresh."""
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        content = client.get(applied_key(source))
    position = msgspec.json.decode(content, type=AppliedPosition) if content else None
    return position if position and position.at else None


def wal_end(database: Database) -> int:
    """All that is committed now lies before."""
    with psycopg.connect(database.url()) as connection:
        row = connection.execute("SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint").fetchone()
    assert row
    return int(row[0])


def check_shown(database: Database, redis_url: str, events: Sequence[Event]) -> None:
    """When all that is committed is counted, Redis says what the ledger says."""
    end = wal_end(database)
    eventually(lambda: (position := applied(redis_url)) is not None and position.lsn >= end, "Redis is up to date")
    assert counts_in_redis(redis_url, events) == counts_in_ledger(database)


def check_agreement(database: Database, redis_url: str, events: Sequence[Event]) -> None:
    """Redis and, before long, the checkpoint say what the ledger says."""
    check_shown(database, redis_url, events)
    truth = counts_in_ledger(database)
    eventually(lambda: counts_in_checkpoint(database) == truth, "the checkpoint is up to date")
