"""cast_traced_votes(), called by SQL as the command role calls it: what it tells the WAL of a batch."""

import hashlib
from collections.abc import Sequence

import psycopg

from contract.wal_trace import TRACED_VOTES_MAX, traced_votes
from ops.rig.database import Database
from ops.rig.event import make_event

CAST = """SELECT vote_index FROM cast_traced_votes(
    %(event_no)s::int, %(event_id)s::uuid, clock_timestamp(), %(voters)s::bytea[], %(ones)s::smallint[],
    %(nulls)s::bigint[], %(nulls)s::text[], %(seals)s::bytea[], %(zeros)s::smallint[], %(traced)s::int[],
    %(traces)s::text[])"""
TOLD = """SELECT data FROM pg_logical_slot_get_binary_changes(
    'traces', NULL, NULL, 'proto_version', '1', 'publication_names', 'votes_inserts', 'messages', 'true')"""
PREFIX = b"vote.trace\0"
ENTRIES = [f"{number:032x}-{number:016x}" for number in range(1, 100)]


def test_the_wal_names_traced_votes_that_are_new(database: Database, owner: psycopg.Connection) -> None:
    """One message in the batch's own transaction, for those that were newly accepted and no others; bounded."""
    event = make_event(owner)
    owner.execute("SELECT pg_create_logical_replication_slot('traces', 'pgoutput')")

    def told(names: Sequence[str], traced: Sequence[int], traces: Sequence[str]) -> list[bytes]:
        size = len(names)
        batch = {
            "event_no": event.event_no,
            "event_id": event.event_id,
            "voters": [hashlib.sha256(name.encode()).digest()[:12] for name in names],
            "ones": [1] * size,
            "nulls": [None] * size,
            "seals": [b"s" * 16] * size,
            "zeros": [0] * size,
            "traced": list(traced),
            "traces": list(traces),
        }
        with psycopg.connect(database.url("vote_command"), autocommit=True) as service:
            service.execute(CAST, batch)
        messages = [data for (data,) in owner.execute(TOLD).fetchall() if PREFIX in data]
        assert all(data[:2] == b"M\1" for data in messages)  # transactional
        return [data.partition(PREFIX)[2][4:] for data in messages]

    number = event.event_no
    assert told(["a", "b", "c"], [1, 3], ENTRIES[:2]) == [f"{number} {ENTRIES[0]} {ENTRIES[1]}".encode()]
    assert told(["a", "d"], [1, 2], ENTRIES[2:4]) == [f"{number} {ENTRIES[3]}".encode()]
    assert told(["a", "d"], [1, 2], ENTRIES[2:4]) == []
    assert told(["e", "f"], [1, 2], ["rubbish", ENTRIES[4]]) == [f"{number} {ENTRIES[4]}".encode()]
    (many,) = told([f"m{no}" for no in range(99)], range(1, 100), ENTRIES)
    assert len(traced_votes(many)) == TRACED_VOTES_MAX
