"""Votes: as people send them, and straight into the ledger, where no HTTP is wanted."""

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import aiohttp
import psycopg

from contract.moment import from_unix_us
from contract.seal import seal_of
from contract.vote_id import ReceiptCipher, VoteKind
from ops.rig.database import Database
from ops.rig.event import Event
from ops.rig.eventually import PATIENCE_S
from ops.rig.people import RECEIPT_KEY, SEAL_KEY, Voter

_INSERT = """
    INSERT INTO votes (voted_at, event_no, contestant_no, voter, seal)
    SELECT clock_timestamp(), %s, %s, substr(uuid_send(gen_random_uuid()), 1, 12), uuid_send(gen_random_uuid())
    FROM generate_series(1, %s)"""

_COPY = "COPY votes (voted_at, device, event_no, contestant_no, region, voter, seal) FROM STDIN"


def cast(connection: psycopg.Connection, event: Event, contestant_no: int, votes: int) -> None:
    """Put votes of new voters into the ledger, as a superuser."""
    connection.execute(_INSERT, [event.event_no, contestant_no, votes])


def cast_sealed(
    connection: psycopg.Connection, event: Event, voters: Sequence[bytes], contestant_no: int = 1
) -> list[str]:
    """Put votes into the ledger as command would, sealed with the rig's key; their receipts."""
    [(now_us,)] = connection.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").fetchall()
    facts = {"voted_at_us": now_us, "event_no": event.event_no, "contestant_no": contestant_no}
    with connection.cursor() as cursor, cursor.copy(_COPY) as rows:
        for device, voter in enumerate(voters):
            seal = seal_of(SEAL_KEY, device=device, region="DE", voter=voter, **facts)
            rows.write_row((from_unix_us(now_us), device, event.event_no, contestant_no, "DE", voter, seal))
    cipher = ReceiptCipher(RECEIPT_KEY)
    return [cipher.seal(VoteKind.ACCEPTED, event.event_no, voter) for voter in voters]


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
            assert self._voted.wait_for(lambda: self._votes >= goal, PATIENCE_S), "the crowd can't vote"

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


def vote_of(voter: Voter, event: Event, contestant: int = 0) -> dict[str, object]:
    """The body of a vote."""
    return {"user_id": voter.user_id, "event_id": event.event_id, "contestant_id": event.contestants[contestant]}


async def submit(
    session: aiohttp.ClientSession, voter: Voter, body: object, address: str = ""
) -> tuple[int, dict[str, Any]]:
    """POST a vote (JSON, or bytes as they are), again while the answer is 503 as the contract says; status and body.

    `address` is what the edge would say of where it comes from.
    """
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {**voter.headers, "Content-Type": "application/json"}
    if address:
        headers["X-Forwarded-For"] = address
    while True:
        async with session.post("/v1/vote/submit", data=data, headers=headers) as response:
            if response.status != 503:
                return response.status, await response.json()
