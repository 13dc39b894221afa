"""Is every number that is on air what the ledger says? Compared at one commit each, while voting goes on.

    ledger, counted anew ─┬─► = Redis, at the position that each tally carries
                          ├─► = stored tallies, at the checkpoint
                          └─► = the public results: the ledger as it was after some commit

What can't be compared in time is `NotReachedError`, never an equality; a position beyond the WAL's end is a finding.
What the public sees of a frozen event must be the same in Redis, in Postgres and in the results. With several sources
each is compared by itself, and then no results, which are their sum.
"""

import os
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

import msgspec
import psycopg
import redis

from contract.position import lsn_text
from contract.redis_keys import applied_key, tally_key
from contract.standings import AppliedPosition, Freeze, SourceTally
from fanout.conninfo import conninfo
from fanout.ledger_reader import LedgerReader
from fanout.redis_writer import EVENTS_PER_ROUND_TRIP_MAX
from fanout.settings import Fanout
from fanout.wal_decoder import CountKey
from ops.auditor.event_audit import Check, check_of
from ops.auditor.ledger_history import LedgerHistory, ledger_history
from ops.auditor.questions import Row
from ops.auditor.shown_board import SHOWN, ShownBoard

IN_REDIS = "Does Redis hold another number than the ledger, at the position that it carries?"
STORED = "Does a tally that fanout has stored differ from the ledger, at its checkpoint?"
FROZEN = "Is what the public sees of a frozen event another number than at its freeze?"
REDIS_WITHIN_S = 10


class Claim(NamedTuple):
    """What somebody says the counts are, of each event in `lsns` at its position there."""

    counts: Mapping[CountKey, int]
    lsns: Mapping[int, int]
    freezes: Mapping[int, Freeze | None]  # of the events that are frozen


class LiveAudit:
    """A comparison of one source: of its ledger's primary (a login that may follow the WAL) with one Redis."""

    def __init__(self, url: str, source: Fanout, redis_url: str) -> None:
        self._url = url
        self._source = source.source
        self._slot = f"{source.slot}_audit_{os.getpid()}"
        self._redis_url = redis_url

    def run(self, event_id: uuid.UUID | None, board: ShownBoard | None) -> Iterator[Check]:
        """Compare one event or all; with a `board`, which is of that event, what it shows too, if the public sees it.

        Raises psycopg.Error, redis.RedisError, msgspec.MsgspecError, OSError, LookupError and `NotReachedError`; the
        checks before hold.
        """
        with (
            ledger_history(self._url, self._slot, event_id) as history,
            psycopg.connect(conninfo(self._url, "audit"), autocommit=True) as connection,
        ):
            ledger = LedgerReader(connection)
            in_redis = self._redis_claim(history)
            yield check_of(IN_REDIS, _differences(in_redis, history, ledger.wal_end()))
            stored = self._stored_claim(history, ledger)
            yield check_of(STORED, _differences(stored, history, ledger.wal_end()))
            yield check_of(FROZEN, _freeze_differences(in_redis, stored, history))
            if board and board.is_public():
                [event_no] = history.events
                yield check_of(SHOWN, board.differences(event_no, stored.freezes.get(event_no), history))

    def _redis_claim(self, history: LedgerHistory) -> Claim:
        def reached() -> AppliedPosition | None:
            content = client.get(applied_key(self._source))
            applied = msgspec.json.decode(content, type=AppliedPosition) if content else None
            return applied if applied and applied.at and applied.lsn >= history.lsn else None

        within = {"socket_timeout": REDIS_WITHIN_S, "socket_connect_timeout": REDIS_WITHIN_S}
        with redis.Redis.from_url(self._redis_url, protocol=2, **within) as client:
            applied = history.awaited(reached, "fanout (is it up?) didn't bring Redis to the recount's position")
            tallies = dict(self._tallies(client, history))
        counts = _by_key({no: tally.counts for no, tally in tallies.items()})
        lsns = {no: max(applied.lsn, tally.lsn) for no, tally in tallies.items()}
        return Claim(counts, lsns, {no: tally.freeze for no, tally in tallies.items() if tally.frozen})

    def _tallies(self, client: redis.Redis, history: LedgerHistory) -> Iterator[tuple[int, SourceTally]]:
        """By event_no. Of one that Redis has lost it claims nothing, and readers show the checkpoint."""
        rest = iter(history.events.items())
        while some := list(islice(rest, EVENTS_PER_ROUND_TRIP_MAX)):
            pipeline = client.pipeline(transaction=False)
            for _, event in some:
                pipeline.hget(tally_key(event.event_id, self._source), "payload")
            for (event_no, _), payload in zip(some, pipeline.execute(), strict=True):
                if payload:
                    yield event_no, msgspec.json.decode(payload, type=SourceTally)
            history.keep_alive()

    def _stored_claim(self, history: LedgerHistory, ledger: LedgerReader) -> Claim:
        def reached() -> Claim | None:
            stored, tally = ledger.stored_tally(self._source, history.keep_alive)
            if stored is None or tally is None or stored.position.lsn < history.lsn:
                return None
            counts = _by_key({no: event.counts for no, event in tally.events.items()})
            freezes = {no: event.freeze.message() for no, event in tally.events.items() if event.freeze}
            return Claim(counts, dict.fromkeys(history.events, stored.position.lsn), freezes)

        return history.awaited(
            reached, "fanout (is it up?) stored no checkpoint of the recount's position or a later one"
        )


def _by_key(counts: Mapping[int, Mapping[int, int]]) -> dict[CountKey, int]:
    return {CountKey(no, contestant_no): votes for no, each in counts.items() for contestant_no, votes in each.items()}


def _differences(claim: Claim, history: LedgerHistory, wal_end: int) -> Iterator[Row]:
    """The counts that differ, of events that were there when the recount began; raises `NotReachedError`.

    `wal_end` was read after the claim: nobody can have counted beyond it, nor would the ledger ever be followed so far.
    """
    lsns = {event_no: lsn for event_no, lsn in claim.lsns.items() if lsn <= wal_end}
    claimed = Counter[int]()
    for key, votes in claim.counts.items():
        claimed[key.event_no] += votes
    for event_no in sorted(claim.lsns.keys() - lsns.keys()):
        yield {
            "event_id": history.events[event_no].event_id,
            "contestant_no": "all",
            "claimed": claimed[event_no],
            "ledger": f"nothing there: it ends at {lsn_text(wal_end)}",
            "wal_position": lsn_text(claim.lsns[event_no]),
        }
    history.read_until(max(lsns.values(), default=0))
    counted = history.counts_at(lambda event_no: lsns.get(event_no, 0))
    for key in sorted(counted.keys() | claim.counts.keys()):
        if key.event_no in lsns and counted[key] != claim.counts.get(key, 0):
            yield {
                "event_id": history.events[key.event_no].event_id,
                "contestant_no": key.contestant_no,
                "claimed": claim.counts.get(key, 0),
                "ledger": counted[key],
                "wal_position": lsn_text(lsns[key.event_no]),
            }


def _freeze_differences(in_redis: Claim, stored: Claim, history: LedgerHistory) -> Iterator[Row]:
    """The freezes that are lost, or that differ though no change of their event lies between them."""
    for event_no, shown in in_redis.freezes.items():
        kept = stored.freezes.get(event_no)
        if shown is None or (kept and kept.lsn == shown.lsn and kept.counts != shown.counts):
            yield {
                "event_id": history.events[event_no].event_id,
                "claimed": shown and shown.counts,
                "stored": kept and kept.counts,
            }
