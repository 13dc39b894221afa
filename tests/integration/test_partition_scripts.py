"""The DBA's scripts, run by psql as their heads say."""

import psycopg
import pytest

from ops.rig.database import Database
from ops.rig.dba_scripts import psql
from ops.rig.event import Event, change_status, make_event

CAST = """SELECT count(*) FROM cast_votes(%s::int, %s, clock_timestamp(), ARRAY[%s]::bytea[], '{1}', '{NULL}', '{NULL}',
    ARRAY[substr(sha256(''), 1, 16)], '{0}')"""


STORE = "SELECT store_evidence(ARRAY[%s], ARRAY[%s]::uuid[], '{1}', ARRAY['[]']::jsonb[], '{block}')"


def evidence(connection: psycopg.Connection, *events: Event) -> list[int]:
    query = "SELECT count(*) FROM vote_evidence WHERE event_no = %s"
    rows = [connection.execute(query, [event.event_no]).fetchone() for event in events]
    return [row[0] for row in rows if row]


def counts(connection: psycopg.Connection, *events: Event) -> list[int]:
    query = "SELECT count(*) FROM votes WHERE event_no = %s"
    rows = [connection.execute(query, [event.event_no]).fetchone() for event in events]
    return [row[0] for row in rows if row]


def test_an_event_is_detached_and_attached_without_touching_the_others(
    database: Database, owner: psycopg.Connection
) -> None:
    """020 takes one event's votes out while the other event is voted in; 030 puts them back."""
    one, other = make_event(owner), make_event(owner)
    for event in (one, other):
        owner.execute(CAST, [event.event_no, event.event_id, b"v" * 12])
    change_status(owner, one.event_id, "close")
    owner.execute("INSERT INTO tallies VALUES (%s, 1, 1)", [one.event_no])  # as fanout would
    for event in (one, other):
        owner.execute(STORE, [event.event_no, event.event_id])
    detached = psql(database, "020_detach_event.sql", event_no=one.event_no)
    assert detached.returncode == 0, detached.stderr
    for event in (one, other):
        owner.execute(STORE, [event.event_no, event.event_id])  # of what is archived nothing more is kept
    owner.execute(CAST, [other.event_no, other.event_id, b"w" * 12])
    assert counts(owner, one, other) == [0, 2]
    assert evidence(owner, one, other) == [0, 2]
    attached = psql(database, "030_attach_event.sql", event_no=one.event_no)
    assert attached.returncode == 0, attached.stderr
    assert counts(owner, one, other) == [1, 2]
    assert evidence(owner, one, other) == [1, 2]


def test_evidence_is_dropped_and_votes_stay(database: Database, owner: psycopg.Connection) -> None:
    """040 takes what one event's votes were judged by, also when it was detached; the event goes on without."""
    one, detached, other = (make_event(owner) for _ in range(3))
    for event in (one, detached, other):
        owner.execute(CAST, [event.event_no, event.event_id, b"v" * 12])
        owner.execute(STORE, [event.event_no, event.event_id])
    refused = psql(database, "040_drop_evidence.sql", event_no=one.event_no)
    assert "is not closed" in refused.stderr
    for event in (one, detached):
        change_status(owner, event.event_id, "close")
    owner.execute("INSERT INTO tallies VALUES (%s, 1, 1)", [detached.event_no])  # as fanout would
    psql(database, "020_detach_event.sql", event_no=detached.event_no)
    for event in (one, detached):
        for _ in range(2):
            dropped = psql(database, "040_drop_evidence.sql", event_no=event.event_no)
            assert dropped.returncode == 0, dropped.stderr
    attached = psql(database, "030_attach_event.sql", event_no=detached.event_no)
    assert attached.returncode == 0, attached.stderr
    owner.execute(STORE, [one.event_no, one.event_id])
    assert evidence(owner, one, detached, other) == [0, 0, 1]
    assert counts(owner, one, detached, other) == [1, 1, 1]


def test_an_open_event_is_not_detached(database: Database, owner: psycopg.Connection) -> None:
    """020 says so and changes nothing."""
    event = make_event(owner)
    owner.execute(CAST, [event.event_no, event.event_id, b"v" * 12])
    refused = psql(database, "020_detach_event.sql", event_no=event.event_no)
    assert refused.returncode != 0
    assert "is not closed" in refused.stderr
    assert counts(owner, event) == [1]


@pytest.mark.parametrize("stored", [None, 1, 3])
def test_an_event_that_is_not_wholly_counted_is_not_detached(
    database: Database, owner: psycopg.Connection, stored: int | None
) -> None:
    """A recount would know nothing of its last votes; 020 says so and changes nothing."""
    event = make_event(owner)
    for voter in (b"v" * 12, b"w" * 12):
        owner.execute(CAST, [event.event_no, event.event_id, voter])
    change_status(owner, event.event_id, "close")
    if stored:
        owner.execute("INSERT INTO tallies VALUES (%s, 1, %s)", [event.event_no, stored])
    refused = psql(database, "020_detach_event.sql", event_no=event.event_no)
    assert refused.returncode != 0
    assert "are not what its votes add up to" in refused.stderr
    assert counts(owner, event) == [2]


def test_sizes_are_listed_by_event(database: Database, owner: psycopg.Connection) -> None:
    """010 has a line for each event, detached ones included."""
    event = make_event(owner, "closed")
    psql(database, "020_detach_event.sql", event_no=event.event_no)
    listed = psql(database, "010_sizes.sql").stdout.splitlines()
    assert [(line.split("|")[1], line.split("|")[-1]) for line in listed] == [(event.event_id, "f")]
