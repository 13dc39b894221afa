"""The oracle: what ledger, checkpoint, Redis and readers say of the same votes, and that they agree in the end.

The ledger is what is true. The others may be late, so they are asked again until they say the same; Redis is held to
what it shows once it claims to have counted all that was committed when it was asked.
"""

import json
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

import msgspec
import psycopg
import redis

from contract.redis_keys import applied_key, tally_key
from contract.standings import AppliedPosition, SourceTally
from ops.rig.database import Database
from ops.rig.event import Event
from ops.rig.eventually import PATIENCE_S, eventually

Counts = dict[tuple[int, int], int]  # (event_no, contestant_no) -> votes

_EVENTS = "SELECT event_no FROM events"
_VOTERS = "SELECT voter FROM votes WHERE event_no = %s"
_LEDGER = "SELECT event_no, contestant_no, count(*) FROM votes WHERE event_no = ANY(%s::int[]) GROUP BY 1, 2"
_CHECKPOINT = "SELECT event_no, contestant_no, votes FROM tallies"


def counts_in_ledger(database: Database, events: Sequence[Event] | None = None) -> Counts:
    """What is true; of all events, or of these alone, whose partitions are the only ones then that are locked."""
    numbers = [no for (no,) in _rows(database, _EVENTS)] if events is None else [event.event_no for event in events]
    return _counts(_rows(database, _LEDGER, numbers))


def voters_in_ledger(database: Database, event: Event) -> set[bytes]:
    """The pseudonyms of who has voted."""
    return {bytes(voter) for (voter,) in _rows(database, _VOTERS, event.event_no)}


def counts_in_checkpoint(database: Database) -> Counts:
    """What is stored."""
    return _counts(_rows(database, _CHECKPOINT))


def _counts(rows: Sequence[tuple[Any, ...]]) -> Counts:
    return {(event_no, contestant_no): votes for event_no, contestant_no, votes in rows}


def _rows(database: Database, query: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.url()) as connection:
        return connection.execute(query, parameters).fetchall()


def total_of(event: Event, counts: Counts) -> int:
    """All votes of one event."""
    return sum(votes for (event_no, _), votes in counts.items() if event_no == event.event_no)


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
    [(lsn,)] = _rows(database, "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint")
    return int(lsn)


def has_reached(redis_url: str, lsn: int, source: str = "main") -> bool:
    """Whether readers believe that the source is counted up to there."""
    position = applied(redis_url, source)
    return position is not None and position.lsn >= lsn


def counts_on_leaderboard(edge_url: str, headers: Mapping[str, str], event: Event) -> Counts | None:
    """What whoever sends these headers is shown of an event; None while it is stale or can't be had."""
    request = urllib.request.Request(f"{edge_url}/v1/event/{event.event_id}/leaderboard", headers=dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            shown = json.load(answer)
    except (OSError, ValueError):
        return None
    votes = {each["contestant_id"]: each["total_votes"] for each in shown["contestants"]}
    numbered = enumerate(event.contestants, start=1)
    return None if shown["stale"] else {(event.event_no, number): votes[each] for number, each in numbered}


def check_shown(database: Database, redis_url: str, events: Sequence[Event]) -> None:
    """When all that is committed is counted, Redis says what the ledger says."""
    end = wal_end(database)
    eventually(lambda: has_reached(redis_url, end), "Redis is up to date")
    shown, truth = counts_in_redis(redis_url, events), counts_in_ledger(database)
    assert shown == truth, f"Redis says {shown}, the ledger {truth}"


def check_agreement(database: Database, redis_url: str, events: Sequence[Event]) -> None:
    """Redis and, before long, the checkpoint say what the ledger says."""
    check_shown(database, redis_url, events)
    truth = counts_in_ledger(database)
    eventually(lambda: counts_in_checkpoint(database) == truth, "the checkpoint is up to date")
