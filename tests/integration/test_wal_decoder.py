"""The decoder against the real server: whatever is committed, with odd values and odd company, comes out exactly."""

import contextlib
import json
import select
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from contract.standings import EVENT_MESSAGE_PREFIX
from fanout.wal_decoder import CountKey, Transaction
from fanout.wal_listener import WalListener
from ops.rig.database import Database
from ops.rig.eventually import PATIENCE_S

SLOT = "decoded"
EVENT_NOS = [-(2**31), -1, 0, 1, 255, 256, 2**31 - 1]
CONTESTANT_NOS = [-(2**15), -1, 0, 1, 255, 2**15 - 1]
OTHER = ["COMMIT inside", "ü€😀", "{", '{"event_no": "one"}', "[]", ""]

Step = tuple[Any, ...]  # the name of a method of Ledger, and its arguments
keys = st.builds(CountKey, st.sampled_from(EVENT_NOS), st.sampled_from(CONTESTANT_NOS))
steps = st.one_of(
    st.tuples(st.just("insert"), keys, st.integers(1, 40)),
    st.tuples(st.just("copy"), keys, st.integers(1, 40)),
    st.tuples(st.just("undone"), keys, st.integers(1, 5)),  # in a savepoint that is rolled back
    st.tuples(st.just("kept"), keys, st.integers(1, 5)),  # in a savepoint
    st.tuples(st.just("change"), st.sampled_from(EVENT_NOS), st.sampled_from(["open", "closed", "ü"])),
    st.tuples(st.just("message"), st.sampled_from([EVENT_MESSAGE_PREFIX, "foreign"]), st.sampled_from(OTHER)),
    st.tuples(st.just("elsewhere"), st.sampled_from(OTHER)),
    st.tuples(st.just("widen"), st.sampled_from(["int", "text", "timestamptz"])),
)
transactions = st.lists(st.tuples(st.booleans(), st.lists(steps, max_size=6)), min_size=1, max_size=6)


class Ledger:
    """A table that is published as the ledger is, with partitions for odd numbers, and what was committed to it."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._rows = self._columns = 0
        self.committed: list[tuple[Counter[CountKey], dict[int, str]]] = []
        for number, event_no in enumerate(EVENT_NOS):
            connection.execute(
                sql.SQL("CREATE TABLE odd_{} PARTITION OF votes FOR VALUES IN ({})").format(
                    sql.SQL(str(number)), sql.Literal(event_no)
                )
            )
        connection.execute("CREATE TABLE elsewhere (content text)")

    def run(self, transaction: list[Step], *, commit: bool) -> None:
        """One transaction; a rolled back one leaves nothing."""
        self._votes, self._changes = Counter[CountKey](), dict[int, str]()
        with contextlib.suppress(psycopg.Rollback), self._connection.transaction():
            for name, *arguments in transaction:
                getattr(self, name)(*arguments)
            if not commit:
                raise psycopg.Rollback
        if commit and (self._votes or self._changes):
            self.committed.append((self._votes, self._changes))

    def insert(self, key: CountKey, rows: int) -> None:
        """Rows one by one."""
        for row in self._fresh(key, rows):
            self._connection.execute(
                "INSERT INTO votes (voted_at, event_no, contestant_no, voter, seal) VALUES (now(), %s, %s, %s, %s)", row
            )
        self._votes[key] += rows

    def copy(self, key: CountKey, rows: int) -> None:
        """Rows by COPY, which writes many by one WAL record."""
        with self._connection.cursor().copy(
            "COPY votes (event_no, contestant_no, voter, seal, voted_at) FROM STDIN"
        ) as copy:
            for row in self._fresh(key, rows):
                copy.write_row((*row, "2026-01-01"))
        self._votes[key] += rows

    def undone(self, key: CountKey, rows: int) -> None:
        """Rows that were never there."""
        before = self._votes.copy()
        with contextlib.suppress(psycopg.Rollback), self._connection.transaction():
            self.insert(key, rows)
            raise psycopg.Rollback
        self._votes = before

    def kept(self, key: CountKey, rows: int) -> None:
        """Rows of a subtransaction."""
        with self._connection.transaction():
            self.insert(key, rows)

    def change(self, event_no: int, status: str) -> None:
        """An event's change, as the ledger's functions write it."""
        content = {"event_no": event_no, "event_id": "e", "status": status, "at": "2026-01-01T00:00:00Z"}
        self._emit(EVENT_MESSAGE_PREFIX, json.dumps(content))
        self._changes[event_no] = status

    def message(self, prefix: str, content: str) -> None:
        """A message that says nothing: malformed, or somebody else's; or not part of the transaction."""
        self._emit(prefix, content)
        change = {"event_no": 1, "event_id": "e", "status": "forged", "at": "2026-01-01T00:00:00Z"}
        self._emit(EVENT_MESSAGE_PREFIX, json.dumps(change), transactional=False)

    def elsewhere(self, content: str) -> None:
        """A row of another table."""
        self._connection.execute("INSERT INTO elsewhere VALUES (%s)", [content])

    def widen(self, kind: str) -> None:
        """Another column: what follows has a new description."""
        self._columns += 1
        self._connection.execute(
            sql.SQL("ALTER TABLE votes ADD COLUMN odd{} {}").format(sql.SQL(str(self._columns)), sql.SQL(kind))
        )

    def _fresh(self, key: CountKey, rows: int) -> Iterator[tuple[int, int, bytes, bytes]]:
        for _ in range(rows):
            self._rows += 1
            yield *key, self._rows.to_bytes(12, "big"), bytes(16)

    def _emit(self, prefix: str, content: str, *, transactional: bool = True) -> None:
        self._connection.execute("SELECT pg_logical_emit_message(%s, %s, %s)", [transactional, prefix, content])


def read_until(listener: WalListener, wal_end: int) -> list[Transaction]:
    """Everything until the stream has passed this position."""
    found: list[Transaction] = []
    reached, deadline = 0, time.monotonic() + PATIENCE_S
    while reached < wal_end:
        assert time.monotonic() < deadline, "the stream doesn't get there"
        listener.report(0, 0)
        select.select([listener.fileno()], [], [], 0.1)
        for message in listener.read():
            reached = max(reached, message.end_lsn if isinstance(message, Transaction) else message.wal_end)
            if isinstance(message, Transaction) and (message.votes or message.changes):
                found.append(message)
    return found


@pytest.fixture
def ledger(database: Database, owner: psycopg.Connection) -> Iterator[tuple[Ledger, WalListener]]:
    """The odd table, and a listener at a slot made after it."""
    made = Ledger(owner)
    with contextlib.closing(WalListener(database.url("vote_fanout"), "decoder test")) as listener:
        listener.create_slot(SLOT, lambda: None)
        listener.start(SLOT)
        yield made, listener


@given(history=transactions)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_committed_is_what_is_decoded(
    ledger: tuple[Ledger, WalListener],
    owner: psycopg.Connection,
    history: list[tuple[bool, list[Step]]],
) -> None:
    """Extreme numbers, COPY, savepoints, rollbacks, other tables, foreign and malformed messages, changing columns."""
    made, listener = ledger
    made.committed.clear()
    for commit, transaction in history:
        made.run(transaction, commit=commit)
    row = owner.execute("SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint").fetchone()
    assert row
    found = read_until(listener, row[0])
    decoded = [(each.votes, {no: change.status for no, change in each.changes.items()}) for each in found]
    assert decoded == made.committed
    assert [each.end_lsn for each in found] == sorted({each.end_lsn for each in found})
