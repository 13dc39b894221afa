"""A thousand small events and one large one, put into the ledger as fast as it takes rows.

Rows are inserted by a superuser, as pseudonyms that look like any other: random. Each commit takes the next range of
them, so an index grows at one place at a time and few of its pages are written twice; what stands there in the end is
the same. How the batch rate falls as an event grows is another bench's question (growth).
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import psutil
import psycopg

from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.votes import cast

COMMIT_ROWS = 20_000
CONNECTIONS = 2
NICENESS = 10
SMALL_VOTES_MAX = 200
STATUSES = ("closed", "closed", "closed", "open", "draft")  # most events of a season are over

_FILL = """
    INSERT INTO votes (voted_at, device, event_no, contestant_no, region, voter, seal)
    SELECT clock_timestamp(), hashint8extended(floor(random() * %(devices)s)::bigint, 1), %(event_no)s,
           1 + floor(random() ^ 2 * 5)::int,
           (ARRAY['DE', 'DE', 'DE', 'AT', 'CH', 'FR', NULL])[1 + floor(random() * 7)::int],
           int4send(((%(part)s + random()) / %(parts)s * 4294967295 - 2147483648)::int)
           || substr(uuid_send(gen_random_uuid()), 9, 8), uuid_send(gen_random_uuid())
    FROM generate_series(1, %(rows)s)"""


def fill_large(database: Database, event: Event, votes: int) -> None:
    """Let an event have so many votes more; its backends leave the processor to others where they may."""
    parts = list(range(max(votes // COMMIT_ROWS, 1)))
    turn = threading.Lock()

    def work(_: int) -> None:
        with psycopg.connect(database.url(), autocommit=True) as connection:
            psutil.Process(connection.info.backend_pid).nice(NICENESS)
            while True:
                with turn:
                    part = parts.pop(0) if parts else None
                if part is None:
                    return
                values = {"part": part, "parts": max(votes // COMMIT_ROWS, 1), "rows": min(votes, COMMIT_ROWS)}
                connection.execute(_FILL, {**values, "event_no": event.event_no, "devices": votes * 9 // 10})

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(work, range(CONNECTIONS)))


def make_small(database: Database, number: int) -> Sequence[Event]:
    """So many small events: drafts, open ones with some votes, closed ones."""
    made = []
    with psycopg.connect(database.url(), autocommit=True) as connection:
        for at in range(number):
            status = STATUSES[at % len(STATUSES)]
            event = make_event(connection, status, contestants=5, expected_votes=SMALL_VOTES_MAX)
            if status != "draft":
                cast(connection, event, 1 + at % 5, 1 + at % SMALL_VOTES_MAX)
            made.append(event)
    return made
