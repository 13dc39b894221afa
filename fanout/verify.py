"""Is every number what the ledger says? Counts it anew, beside the running fanout, and compares exactly.

    temporary slot ─► count(*) under its snapshot, at C ─► plus the stream after C ─┬─► = Redis, at Redis' position
                                                                                    └─► = stored tallies, at theirs

Both sides are compared at the same commit, so the voting needn't pause. It only reads. What can't be compared in
time is an error, never an equality. What the public sees of frozen events must be the same in Redis and in Postgres.
"""

import contextlib
import logging
import os
import select
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeVar

import msgspec
import psycopg
import redis

from contract.redis_keys import applied_key, tally_key
from contract.standings import AppliedPosition, Freeze, SourceTally
from fanout.conninfo import conninfo
from fanout.ledger_reader import LedgerReader
from fanout.rebuild import Recount
from fanout.settings import Fanout
from fanout.tally import EventTally
from fanout.wal_decoder import CountKey, Transaction
from fanout.wal_listener import WalListener

log = logging.getLogger(__name__)

REACH_WITHIN_S = 60
POLL_S = 0.1
Found = TypeVar("Found")


class Claim(NamedTuple):
    """What somebody says the counts are: at `lsn`, or for some events at one of their own."""

    name: str
    counts: Mapping[CountKey, int]
    lsn: int
    event_lsns: Mapping[int, int]
    freezes: Mapping[int, Freeze | None]  # of the events that are frozen


class NotReachedError(Exception):
    """Somebody didn't reach the position of the recount in time, so there is nothing to compare."""


def verify(url: str, settings: Fanout, redis_url: str) -> int:
    """Compare and log the outcome; 0 if all numbers are equal, 1 if not or if they can't be compared."""
    try:
        differences = _differences(url, settings, redis_url)
    except (psycopg.Error, redis.RedisError, msgspec.MsgspecError, NotReachedError) as error:
        log.error("can't verify", extra={"reason": str(error)})  # noqa: TRY400  # the message says it all
        return 1
    for difference in differences:
        log.error("a count differs from the ledger", extra={"difference": difference})
    log.info("verified", extra={"differences": len(differences)})
    return 1 if differences else 0


def _differences(url: str, settings: Fanout, redis_url: str) -> list[dict[str, object]]:
    slot = f"{settings.slot}_verify_{os.getpid()}"
    with contextlib.closing(WalListener(url, slot)) as listener:
        new = listener.create_slot(slot, _deadline(REACH_WITHIN_S), temporary=True)
        with contextlib.closing(Recount(url, new.snapshot)) as recount:
            listener.start(slot)
            events = LedgerReader(recount.connection).events(new.lsn, 0)
            recount.begin()
            counted = _counted(recount, listener)
        claims = [
            _claim_of_redis(redis_url, settings.source, events, new.lsn, listener),
            _claim_of_postgres(url, settings.source, new.lsn, listener),
        ]
        stream = _stream(listener, max(max([claim.lsn, *claim.event_lsns.values()]) for claim in claims))
    differences = [difference for claim in claims for difference in _compare(claim, set(events), counted, stream)]
    return differences + list(_compare_freezes(*claims))


def _counted(recount: Recount, listener: WalListener) -> dict[CountKey, int]:
    """The counts, however long it takes; keeps the listener's connection alive meanwhile."""
    report_at = 0.0
    while (counts := recount.poll()) is None:
        if time.monotonic() >= report_at:
            listener.report(0, 0)
            report_at = time.monotonic() + POLL_S
        select.select([recount.connection.pgconn.socket], [], [], POLL_S)
    return dict(counts)


def _deadline(within_s: float) -> Callable[[], None]:
    """Raises `NotReachedError` once it is called too late."""
    until = time.monotonic() + within_s

    def check() -> None:
        if time.monotonic() > until:
            raise NotReachedError(f"no answer within {within_s} s")

    return check


def _awaited(poll: Callable[[], Found | None], listener: WalListener) -> Found:
    """The first answer that isn't None; keeps the listener's connection alive meanwhile."""
    in_time = _deadline(REACH_WITHIN_S)
    while (found := poll()) is None:
        in_time()
        listener.report(0, 0)
        time.sleep(POLL_S)
    return found


def _claim_of_redis(url: str, source: str, events: Mapping[int, EventTally], lsn: int, listener: WalListener) -> Claim:
    def reached() -> AppliedPosition | None:
        content = client.get(applied_key(source))
        applied = msgspec.json.decode(content, type=AppliedPosition) if content else None
        return applied if applied and applied.at and applied.lsn >= lsn else None

    with redis.Redis.from_url(url, protocol=2) as client:
        applied = _awaited(reached, listener)
        payloads = {no: client.hget(tally_key(event.event_id, source), "payload") for no, event in events.items()}
    tallies = {no: msgspec.json.decode(payload, type=SourceTally) for no, payload in payloads.items() if payload}
    counts = _by_key({no: tally.counts for no, tally in tallies.items()})
    lsns = {no: max(applied.lsn, tally.lsn) for no, tally in tallies.items()}
    freezes = {no: tally.freeze for no, tally in tallies.items() if tally.frozen}
    return Claim("redis", counts, applied.lsn, lsns, freezes)


def _claim_of_postgres(url: str, source: str, lsn: int, listener: WalListener) -> Claim:
    def reached() -> Claim | None:
        stored, tally = ledger.stored_tally(source, lambda: listener.report(0, 0))
        if stored is None or tally is None or stored.position.lsn < lsn:
            return None
        counts = _by_key({no: event.counts for no, event in tally.events.items()})
        freezes = {no: event.freeze.message() for no, event in tally.events.items() if event.freeze}
        return Claim("tallies", counts, stored.position.lsn, {}, freezes)

    with psycopg.connect(conninfo(url, "fanout verify"), autocommit=True) as connection:
        ledger = LedgerReader(connection)
        return _awaited(reached, listener)


def _by_key(counts: Mapping[int, Mapping[int, int]]) -> dict[CountKey, int]:
    return {CountKey(no, contestant_no): votes for no, each in counts.items() for contestant_no, votes in each.items()}


def _stream(listener: WalListener, lsn: int) -> list[Transaction]:
    """What was committed from the snapshot until `lsn`."""
    transactions: list[Transaction] = []

    def reached() -> list[Transaction] | None:
        end = 0
        for message in listener.read():
            if isinstance(message, Transaction):
                transactions.append(message)
                end = message.end_lsn
            else:
                end = max(end, message.wal_end)
        return transactions if end >= lsn else None

    return _awaited(reached, listener)


def _compare(
    claim: Claim, event_nos: set[int], counted: Mapping[CountKey, int], stream: list[Transaction]
) -> Iterator[dict[str, object]]:
    """The counts that differ, of events that were there when the recount began."""
    expected = Counter(counted)
    for transaction in stream:
        for key, votes in transaction.votes.items():
            if transaction.end_lsn <= claim.event_lsns.get(key.event_no, claim.lsn):
                expected[key] += votes
    for key in expected.keys() | claim.counts.keys():
        if key.event_no in event_nos and expected[key] != claim.counts.get(key, 0):
            yield {
                "where": claim.name,
                **key._asdict(),
                "claimed": claim.counts.get(key, 0),
                "ledger": expected[key],
            }


def _compare_freezes(redis_claim: Claim, stored_claim: Claim) -> Iterator[dict[str, object]]:
    """The freezes that are lost, or that differ though no change of their event lies between them."""
    for event_no, shown in redis_claim.freezes.items():
        stored = stored_claim.freezes.get(event_no)
        if shown is None or (stored and stored.lsn == shown.lsn and stored.counts != shown.counts):
            yield {
                "where": "freeze",
                "event_no": event_no,
                "claimed": shown and shown.counts,
                "ledger": stored and stored.counts,
            }
